/** docs/deploy.md, and the deploy/nginx/quintet.conf that it recommends, in a real nginx in front of real APIs. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { apiVariables, batchSchema, jobSchema, problemSchema, type Job } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { hostName, nginxIsMissing, startNginx, type Nginx } from '../support/nginx.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { startStack, type Stack } from '../support/stack.js';
import { suiteOrSkip } from '../support/suite-or-skip.js';

const root = new URL('../../', import.meta.url);
const conf = readFileSync(new URL('deploy/nginx/quintet.conf', root), 'utf8');
const megabyte = 1024 * 1024;
const uploadLimit = Number(apiVariables.MAX_UPLOAD_BYTES.fallback);
describe('docs/deploy.md', () => {
  it('sets in .env what docker-compose.yml passes on', () => {
    const page = readFileSync(new URL('docs/deploy.md', root), 'utf8');
    const names = [...(page.split('```sh\n')[1]?.split('```')[0] ?? '').matchAll(/^(\w+)=/gm)].map(
      ([, name = '']) => name,
    );
    expect(names.length).toBeGreaterThan(5);
    const compose = readFileSync(new URL('docker-compose.yml', root), 'utf8');
    const passedOn = (name: string): boolean =>
      compose.includes(`\${${name}:-`) || compose.includes(`      ${name}:\n`);
    expect(names.filter((name) => !passedOn(name))).toEqual([]);
  });
});

/** Of the APIs below. */
const drainSeconds = 6;
const batchLimit = Number(apiVariables.MAX_BATCH_BYTES.fallback);

describe('deploy/nginx/quintet.conf', () => {
  const valuesOf = (directive: string): string[] =>
    [...conf.matchAll(new RegExp(`^\\s+${directive} (\\S+);$`, 'gm'))].map(([, value = '']) => value);

  it('has limits that fit the defaults of the API', () => {
    const [largest = 0, largestBatch = 0] = valuesOf('client_max_body_size').map((value) => parseInt(value) * megabyte);
    expect(largest).toBeGreaterThan(uploadLimit * 1.4 + 64 * 1024);
    const nameBytes = 1024 * Number(apiVariables.MAX_BATCH_ITEMS.fallback);
    expect(largestBatch).toBeGreaterThan(batchLimit + nameBytes + 64 * 1024);
    expect(parseInt(valuesOf('proxy_read_timeout')[0] ?? '')).toBeGreaterThan(
      Number(apiVariables.MAX_WAIT_SECONDS.fallback),
    );
  });

  it('keeps no idle connection to an API that is about to leave', () => {
    expect(parseInt(valuesOf('keepalive_timeout')[0] ?? '')).toBeLessThan(drainSeconds);
  });

  it('refuses with problem documents of the registry', () => {
    const documents = [...conf.matchAll(/return \d+ '(\{.*\})';/g)].map(([, text = '']) => JSON.parse(text) as unknown);
    expect(documents).toHaveLength(2);
    for (const document of documents) expect(problemSchema.safeParse(document).error).toBeUndefined();
  });
});

const ratePerMinute = 20;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** The client's address, of this machine's own; 127.0.0.1 by default. */
  readonly from?: string;
}

suiteOrSkip(nginxIsMissing, 'nginx in front of the API', () => {
  let stack: Stack;
  let second: ServiceProcess;
  let nginx: Nginx;
  let picture: Buffer;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    picture = await makeImage({ format: 'jpeg', width: 64, height: 48 });
    stack = await startStack({
      workers: 0,
      env: {
        TRUST_PROXY: '1',
        RATE_LIMIT_PER_MINUTE: String(ratePerMinute),
        DRAIN_SECONDS: String(drainSeconds),
        ALLOW_PRIVATE_HOSTS: 'false',
      },
    });
    stops.push(() => stack.stop());
    second = await stack.addApi();
    nginx = await startNginx([stack.api.port, second.port]);
    stops.push(() => nginx.stop());
  });
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  const open = async (path: string, { method = 'GET', headers = {}, body, from = '127.0.0.1' }: Sent = {}) => {
    const request = httpsRequest({
      ...{ host: '127.0.0.1', port: nginx.httpsPort, path, method, agent: false, localAddress: from },
      ...{ servername: hostName, ca: nginx.certificate, headers: { host: hostName, ...headers } },
    });
    const responded = once(request, 'response') as Promise<[IncomingMessage]>;
    // One that is refused early may be closed on while it still sends.
    request.on('error', () => undefined);
    request.end(body);
    return (await responded)[0];
  };
  const send = async (path: string, sent: Sent = {}): Promise<Answer> => {
    const response = await open(path, sent);
    return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
  };
  const submit = (body: Buffer | string, headers: Readonly<Record<string, string>> = {}, from?: string) =>
    send('/v1/jobs', {
      ...{ method: 'POST', headers: { 'content-type': 'image/jpeg', ...headers }, body },
      ...(from === undefined ? {} : { from }),
    });
  const jsonOf = ({ body }: Answer): unknown => JSON.parse(body.toString()) as unknown;

  it('passes each event of a stream on as it comes', async () => {
    const job: Job = jobSchema.parse(jsonOf(await submit(picture)));
    const stream = await open(`/v1/jobs/${job.id}/events`, { headers: { accept: 'text/event-stream' } });
    expect(stream.statusCode).toBe(200);
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const ended = once(stream, 'end');
    await eventually(() => {
      expect(text).toContain('"status":"queued"');
    });
    // Nothing could run it until now, so that event was not kept back.
    expect(text).not.toContain('event: status\nid: succeeded');
    await stack.addWorker();
    await ended;
    expect(text).toContain('event: status\nid: succeeded');
  }, 120_000);

  it('waits for the answer with the client, over HTTP/2 as well, and says that it came by TLS', async () => {
    const answer = await submit(picture, { prefer: 'wait=20' });
    expect(answer.status).toBe(200);
    expect(jobSchema.parse(jsonOf(answer))).toMatchObject({ status: 'succeeded' });
    expect(answer.headers['strict-transport-security']).toContain('max-age');
    expect(answer.headers['server']).toBe('nginx');

    const session = connectHttp2(`https://127.0.0.1:${nginx.httpsPort}`, {
      servername: hostName,
      ca: nginx.certificate,
    });
    const stream = session.request({
      ...{ ':path': '/v1/jobs', ':method': 'POST', ':authority': hostName },
      ...{ 'content-type': 'image/jpeg', prefer: 'wait=20' },
    });
    const headers = once(stream, 'response') as Promise<[{ ':status': number }]>;
    stream.end(picture);
    const job = jobSchema.parse(JSON.parse((await buffer(stream)).toString()));
    expect([(await headers)[0][':status'], job.status]).toEqual([200, 'succeeded']);
    session.close();

    const id = answer.headers['x-request-id'];
    await eventually(async () => {
      expect((await nginx.log()).find((line) => line['request_id'] === id)).toMatchObject({
        ...{ client: '127.0.0.1', method: 'POST', path: '/v1/jobs', status: 200 },
      });
    });
  });

  it('sends who comes without TLS to where it is', async () => {
    const request = httpRequest({ port: nginx.httpPort, path: '/docs?x=1', headers: { host: hostName } }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect([response.statusCode, response.headers.location]).toEqual([301, `https://${hostName}/docs?x=1`]);
  });

  it('takes a picture of the largest size in every form, and lets the API refuse what is larger', async () => {
    // Bytes behind the end of a JPEG are no part of it.
    const largest = Buffer.concat([picture, Buffer.alloc(uploadLimit - picture.length)]);
    expect((await submit(largest)).status).toBe(202);
    const base64 = JSON.stringify({ image_base64: largest.toString('base64') });
    expect((await submit(base64, { 'content-type': 'application/json' })).status).toBe(202);

    const larger = await submit(Buffer.concat([largest, Buffer.alloc(1)]));
    expect(problemSchema.parse(jsonOf(larger))).toMatchObject({
      ...{ status: 413, code: 'body_too_large', instance: '/v1/jobs' },
    });
    // Of the proxy itself, by the length alone.
    const tooLarge = await submit('', { 'content-length': String(100 * megabyte) });
    expect(tooLarge.headers['content-type']).toBe('application/problem+json');
    expect(problemSchema.parse(jsonOf(tooLarge))).toMatchObject({ status: 413, code: 'body_too_large' });
  }, 60_000);

  it('takes a batch that is larger than any picture', async () => {
    const image = Buffer.concat([picture, Buffer.alloc(13 * megabyte)]).toString('base64');
    const answer = await send('/v1/batches', {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ items: [{ image_base64: image }, { image_base64: image }] }),
    });
    expect(answer.status, answer.body.toString()).toBe(202);
    expect(batchSchema.parse(jsonOf(answer)).total).toBe(2);
  }, 60_000);

  it('has nothing public that is of all clients together', async () => {
    expect((await fetch(`${stack.url}/metrics`)).status).toBe(200);
    const paths = [
      '/metrics',
      '/metrics/',
      '/%6detrics',
      '//metrics',
      '/docs/../metrics',
      '/health/ready',
      '/health/live',
    ];
    for (const path of paths) expect((await send(path)).status, path).toBe(404);
    expect((await send('/docs')).status).toBe(200);
  });

  it('tells the API who the client is, whatever that client says', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < ratePerMinute + 3; count += 1) {
      statuses.push((await submit(picture, { 'x-forwarded-for': `203.0.113.${count}` }, '127.0.0.2')).status);
    }
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
    const refused = await submit(picture, {}, '127.0.0.2');
    expect(problemSchema.parse(jsonOf(refused))).toMatchObject({ code: 'rate_limited', instance: '/v1/jobs' });
    expect((await submit(picture, {}, '127.0.0.3')).status).toBe(202);
  });

  it('loses no request while an API process is replaced', async () => {
    let ended = false;
    const statuses = new Map<number, number>();
    const client = async (number: number): Promise<void> => {
      for (let count = 0; !ended || count % 10 !== 0; count += 1) {
        // So many addresses that none of them meets the rate limit.
        const from = `127.0.${number + 1}.${(count % 250) + 1}`;
        const { status } = await submit(picture, { prefer: 'wait=20' }, from);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const clients = Promise.all([1, 2, 3, 4].map(client));
    expect(await second.end()).toBe(0);
    ended = true;
    await clients;
    // A process that stops answers those who wait with the job as it stands (202), which another one goes on telling of.
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 202)).toEqual([]);
    expect(statuses.get(200)).toBeGreaterThanOrEqual(4);
  }, 120_000);
});
