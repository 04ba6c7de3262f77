/**
 * Of `fetch`, what this library needs, on node:http with kept connections: it takes a fraction of the platform's CPU time a request
 * (bench/client.mjs), which the command has on the same cores as the service where both are on one machine.
 *
 * Redirects are answered as they are. An upload that is a stream asks first (`Expect: 100-continue`), so that a full service says so
 * before the upload; where nothing is said for a second, as by old proxies, it is sent all the same.
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { ChunkList } from './chunk-list.js';
import type { FetchLike, FetchLikeInit, FetchLikeResponse } from '../http/fetch-like.js';

const askMs = 1000;

export interface HttpFetch {
  readonly fetch: FetchLike;
  /** Closes the connections that are kept. */
  close(): void;
}

export function createHttpFetch(): HttpFetch {
  const options = { keepAlive: true, scheduling: 'lifo' } as const;
  const plain = new HttpAgent(options);
  const secure = new HttpsAgent(options);
  return {
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        const { method, signal } = init;
        const isSecure = url.startsWith('https:');
        const asks = isStream(init) ? { expect: '100-continue' } : {};
        const sent = (isSecure ? httpsRequest : httpRequest)(url, {
          agent: isSecure ? secure : plain,
          method,
          headers: { ...init.headers, ...lengthOf(init), ...asks },
          ...(signal === undefined ? {} : { signal }),
        });
        sent.once('response', (response) => {
          resolve(new Answer(response));
        });
        // After the answer there may be further ones, as of an upload that nobody wants any more.
        sent.on('error', reject);
        send(sent, init);
      }),
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

function isStream({ body }: FetchLikeInit): boolean {
  return body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
}

function lengthOf({ body }: FetchLikeInit): Record<string, number> {
  if (typeof body === 'string') return { 'content-length': Buffer.byteLength(body) };
  return body instanceof Uint8Array ? { 'content-length': body.length } : {};
}

function send(sent: ClientRequest, { body }: FetchLikeInit): void {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    sent.end(body);
    return;
  }
  let begun = false;
  const begin = (): void => {
    clearTimeout(timer);
    if (begun || sent.destroyed) return;
    begun = true;
    void upload(sent, body);
  };
  const timer = setTimeout(begin, askMs);
  sent.once('continue', begin);
  sent.once('response', (response: IncomingMessage) => {
    clearTimeout(timer);
    if (begun) return;
    begun = true;
    void body.cancel();
    // What was announced is not sent: after the answer, the connection is of no further use.
    response.once('end', () => {
      sent.destroy();
    });
  });
  sent.once('close', () => {
    clearTimeout(timer);
  });
  sent.flushHeaders();
}

/** Writes the stream as the other side takes it. */
async function upload(sent: ClientRequest, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (sent.destroyed) throw new Error('the connection was closed');
      if (!sent.write(value)) await drained(sent);
    }
    sent.end();
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    sent.destroy(error as Error);
  }
}

function drained(sent: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      sent.removeListener('drain', go);
      sent.removeListener('close', go);
      resolve();
    };
    sent.on('drain', go);
    sent.on('close', go);
  });
}

class Answer implements FetchLikeResponse {
  readonly status: number;
  readonly headers = { get: (name: string): string | null => single(this.body.headers[name]) };

  constructor(readonly body: IncomingMessage) {
    this.status = body.statusCode ?? 0;
  }

  async text(): Promise<string> {
    return (await this.#bytes()).toString('utf8');
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#bytes();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  }

  #bytes(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks = new ChunkList();
      this.body.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
      });
      this.body.once('end', () => {
        resolve(chunks.bytes());
      });
      this.body.once('error', reject);
      // After 'end' this changes nothing; without, the connection was closed in the middle.
      this.body.once('close', () => {
        reject(new Error('the answer was cut'));
      });
    });
  }
}

function single(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value.join(', ') : value) ?? null;
}
