/**
 * A closed loop of HTTP clients: each posts a picture, waits for the answer, and posts the next.
 *
 * node:http with kept connections, since what the clients take is taken from the system that is measured, on the same cores.
 */
import { Agent, request } from 'node:http';

/**
 * @typedef {{ ms: number, status: number, body: Buffer }} Answer
 * @typedef {{ url: string, headers?: Record<string, string>, images: readonly Buffer[], concurrency: number, seconds?: number,
 *   count?: number, isGood?: (answer: Answer) => boolean, onAnswer?: (answer: Answer) => void }} Load
 *   ends after `seconds`, or after `count` answers
 */

/**
 * @param {Load} load
 * @returns {Promise<{ seconds: number, answered: number, errors: number, latencies: number[], perSecond: number }>}
 *   latencies in ms, of good answers; `perSecond` counts those only
 */
export async function closedLoop(load) {
  const { images, concurrency, seconds = Infinity, count = Infinity, isGood = ({ status }) => status === 200 } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const latencies = /** @type {number[]} */ ([]);
  let started = 0;
  let errors = 0;
  const began = performance.now();
  const client = async () => {
    while (started < count && performance.now() - began < seconds * 1000) {
      const image = images[started++ % images.length];
      try {
        const answer = await post(agent, load, image);
        if (isGood(answer)) latencies.push(answer.ms);
        else errors += 1;
        load.onAnswer?.(answer);
      } catch {
        errors += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  agent.destroy();
  const took = (performance.now() - began) / 1000;
  return { seconds: took, answered: latencies.length, errors, latencies, perSecond: latencies.length / took };
}

/** @param {Agent} agent @param {Load} load @param {Buffer} image @returns {Promise<Answer>} */
export function post(agent, { url, headers }, image) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const sent = request(
      url,
      { agent, method: 'POST', headers: { 'content-type': 'image/jpeg', 'content-length': image.length, ...headers } },
      (response) => {
        const chunks = /** @type {Buffer[]} */ ([]);
        response.on('data', (chunk) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          resolve({ ms: performance.now() - began, status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
        });
      },
    );
    sent.once('error', reject);
    sent.end(image);
  });
}

/**
 * The same pictures as multipart forms with one file each, for systems that take files so.
 * @param {readonly Buffer[]} images @param {string} field
 * @returns {{ images: Buffer[], headers: Record<string, string> }} bodies and headers, as Load takes them
 */
export function asForms(images, field) {
  const boundary = 'quintet-bench-9f1c6b0e';
  const part = `content-disposition: form-data; name="${field}"; filename="photo.jpg"\r\ncontent-type: image/jpeg`;
  const head = Buffer.from(`--${boundary}\r\n${part}\r\n\r\n`);
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    images: images.map((image) => Buffer.concat([head, image, tail])),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}
