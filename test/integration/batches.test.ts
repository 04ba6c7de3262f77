/** Batches as their clients meet them: the compiled services, a real Redis, a real model. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { jobSchema, Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTar, makeZip } from '../fixtures/archives/index.js';
import { makeImage } from '../fixtures/images/index.js';
import { eventually } from '../support/service-process.js';
import { startStack, type Stack } from '../support/stack.js';
import { problemOf } from './api-harness.js';
import { batchOf, documentOf, formOf, resultsOf, startHookReceiver, type Picture } from './batches-harness.js';

let stack: Stack;
let redis: Redis;
let receiver: Awaited<ReturnType<typeof startHookReceiver>>;
let pictures: Picture[];

beforeAll(async () => {
  [stack, receiver] = await Promise.all([startStack(), startHookReceiver()]);
  redis = new Redis(stack.redis.url);
  pictures = [
    { name: 'a.jpg', content: await makeImage({ format: 'jpeg', width: 64, height: 48 }) },
    { name: 'not a picture.txt', content: Buffer.from('hello') },
    { name: 'Müller, "c".png', content: await makeImage({ format: 'png', width: 32, height: 32 }) },
  ];
});

afterAll(async () => {
  receiver.stop();
  redis.disconnect();
  await stack.stop();
});

type Body = NonNullable<RequestInit['body']>;

function post(body: Body | Buffer, type: string | undefined, query = '', headers: Record<string, string> = {}) {
  return fetch(`${stack.url}/v1/batches${query}`, {
    method: 'POST',
    body: Buffer.isBuffer(body) ? new Uint8Array(body) : body,
    headers: { ...(type === undefined ? {} : { 'Content-Type': type }), ...headers },
  });
}

const wait = { Prefer: 'wait=20' };

describe('a batch', () => {
  const bytes = 'application/octet-stream';
  const set = encodeURIComponent('{"set":"1"}');
  const forms: [string, () => Promise<Response>][] = [
    ['a form', () => post(formOf(pictures, { top_k: '2', metadata: '{"set":"1"}' }), undefined, '', wait)],
    [
      'a form with the options in front',
      async () => {
        const form = new FormData();
        form.append('top_k', '2');
        form.append('metadata', '{"set":"1"}');
        for (const { name, content } of pictures) form.append('image', new Blob([new Uint8Array(content)]), name);
        return post(form, undefined, '', wait);
      },
    ],
    ['a ZIP', () => post(makeZip(pictures), 'application/zip', `?top_k=2&metadata=${set}`, wait)],
    ['a TAR', async () => post(await makeTar(pictures), 'application/x-tar', `?top_k=2&metadata=${set}`, wait)],
    [
      'a TAR in gzip',
      async () => post(gzipSync(await makeTar(pictures)), 'application/gzip', `?top_k=2&metadata=${set}`, wait),
    ],
    ['JSON', () => post(documentOf(pictures, { top_k: 2, metadata: { set: '1' } }), 'application/json', '', wait)],
    // Options of a body may come in the query, too, or in both places.
    ['a form with a query', () => post(formOf(pictures, { metadata: '{"set":"1"}' }), undefined, '?top_k=2', wait)],
    [
      'JSON with a query',
      () => post(documentOf(pictures, { top_k: 2 }), 'application/json', `?top_k=2&metadata=${set}`, wait),
    ],
    // What an archive is, its bytes decide.
    ['bytes of a ZIP', () => post(makeZip(pictures), bytes, `?top_k=2&metadata=${set}`, wait)],
    ['bytes of a TAR', async () => post(await makeTar(pictures), bytes, `?top_k=2&metadata=${set}`, wait)],
    [
      'bytes of a TAR in gzip',
      async () => post(gzipSync(await makeTar(pictures)), bytes, `?top_k=2&metadata=${set}`, wait),
    ],
  ];

  it.each(forms)('comes as %s; a bad picture fails its item and no other', async (_, submit) => {
    const response = await submit();
    expect(response.status).toBe(200);
    expect(response.headers.get('preference-applied')).toBe('wait=20');
    const batch = await batchOf(response);
    expect(response.headers.get('location')).toBe(batch.links.self);
    expect(batch).toMatchObject({
      status: 'completed',
      total: 3,
      counts: { queued: 0, processing: 0, succeeded: 2, failed: 1, canceled: 0, expired: 0 },
      progress: 1,
      errors: [{ index: 1, name: 'not a picture.txt', error: { code: 'image_format_unsupported' } }],
      metadata: { set: '1' },
    });
    expect(await batchOf(await fetch(stack.url + batch.links.self))).toEqual(batch);

    const results = await resultsOf(stack.url, batch);
    expect(results.map(({ index, name }) => [index, name])).toEqual(pictures.map(({ name }, index) => [index, name]));
    expect(results.map(({ job }) => job?.status)).toEqual(['succeeded', 'failed', 'succeeded']);
    for (const { job_id, job } of results) {
      const read = jobSchema.parse(await (await fetch(`${stack.url}/v1/jobs/${job_id}`)).json());
      expect(read).toEqual(job);
      expect(read).toMatchObject({ batch: batch.id, metadata: {} });
      if (read.status === 'succeeded') expect(read.predictions).toHaveLength(2);
    }
  });

  it('keeps the names and the metadata of JSON items, and fetches those that are addresses', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/a.jpg') response.end(pictures[0]?.content);
      else response.writeHead(404).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const image_base64 = pictures[0]?.content.toString('base64');
    const items = [
      { id: 'shelf 1', image_base64, metadata: { shelf: '1' } },
      { image_url: `${at}/a.jpg` },
      { id: 'x', image_base64: 'no base64!' },
      { image_url: 'ftp://example.com/a.jpg' },
    ];
    const batch = await batchOf(await post(JSON.stringify({ items }), 'application/json', '', wait));
    const results = await resultsOf(stack.url, batch);
    expect(results.map(({ name, job }) => [name, job?.metadata, job?.error?.code])).toEqual([
      ['shelf 1', { shelf: '1' }, undefined],
      [`${at}/a.jpg`, {}, undefined],
      ['x', {}, 'base64_invalid'],
      ['ftp://example.com/a.jpg', {}, 'image_url_refused'],
    ]);
    expect(results[1]?.job?.predictions).toEqual(results[0]?.job?.predictions);
    // With a webhook, too: then fetch, item and batch are three floors of one flow.
    const told = { webhook_url: receiver.url, webhook_events: ['batch.completed', 'job.failed'] };
    const image_urls = [...Array.from({ length: 30 }, () => `${at}/a.jpg`), `${at}/none.jpg`];
    const fetched = await batchOf(await post(JSON.stringify({ image_urls, ...told }), 'application/json', '', wait));
    expect(fetched.counts).toMatchObject({ succeeded: 30, failed: 1 });
    expect(fetched.errors.map(({ index, error }) => [index, error.code])).toEqual([[30, 'image_url_status']]);
    await eventually(() => {
      const types = receiver.hooks
        .filter(({ data }) => JSON.stringify(data).includes(fetched.id))
        .map(({ type }) => type);
      expect(types.sort()).toEqual(['batch.completed', 'job.failed']);
    });
    server.close();
    server.closeAllConnections();
  });

  it('has results as JSON lines and as CSV, by Accept', async () => {
    const batch = await batchOf(await post(formOf(pictures, { top_k: '1' }), undefined, '', wait));
    const as = (accept: string) => fetch(stack.url + batch.links.results, { headers: { Accept: accept } });
    const lines = await as('application/x-ndjson');
    expect(lines.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    const documents = (await lines.text()).trimEnd().split('\n');
    expect(documents.map((line) => JSON.parse(line) as unknown)).toEqual(await resultsOf(stack.url, batch));

    const table = await as('text/csv');
    expect(table.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const rows = (await table.text()).split('\r\n');
    expect(rows[0]).toBe('index,name,job_id,status,error_code,error_detail,label_1,score_1,correction');
    expect(rows[1]).toMatch(/^0,a\.jpg,[0-9a-f-]{36},succeeded,,,[^,]+,0\.\d+,$/);
    expect(rows[2]).toMatch(/^1,not a picture\.txt,[0-9a-f-]{36},failed,image_format_unsupported,/);
    expect(rows[3]).toMatch(/^2,"Müller, ""c""\.png",/);

    const none = await as('image/png');
    expect([none.status, (await problemOf(none)).code]).toEqual([406, 'not_acceptable']);
  });

  it('tells its webhook of the end, once, and of nothing else', async () => {
    const many = Array.from({ length: 60 }, (_, i) => ({
      name: `${i}.jpg`,
      content: pictures[0]?.content ?? Buffer.alloc(0),
    }));
    const form = formOf(many, { webhook_url: receiver.url });
    const batch = await batchOf(await post(form, undefined, '', { Prefer: 'wait=30' }));
    expect(batch.counts).toMatchObject({ succeeded: 60 });
    await eventually(() => {
      expect(receiver.hooks.filter(({ data }) => data.id === batch.id)).toHaveLength(1);
    });
    const [hook] = receiver.hooks.filter(({ data }) => data.id === batch.id);
    expect(hook).toMatchObject({ type: 'batch.completed', messageId: `msg_${batch.id}`, data: { total: 60 } });
    expect(hook?.data).toEqual(batch);
    expect(receiver.hooks.filter(({ data }) => data.id === batch.id)).toHaveLength(1);
  });

  it('tells of a batch of bad pictures too, in less than 20 kB', async () => {
    const bad = Array.from({ length: 40 }, (_, i) => ({ name: `${i}${'ü'.repeat(240)}`, content: Buffer.from('bad') }));
    const batch = await batchOf(await post(formOf(bad, { webhook_url: receiver.url }), undefined, '', wait));
    expect(batch).toMatchObject({ status: 'completed', counts: { failed: 40 } });
    expect(batch.errors).toHaveLength(20);
    const hook = await eventually(() => {
      const found = receiver.hooks.find(({ data }) => data.id === batch.id);
      if (found === undefined) throw new Error('no webhook yet');
      return found;
    });
    expect(hook.bytes).toBeLessThan(20_000);
    expect(hook.data['counts']).toEqual(batch.counts);
  });

  it('tells of every item where that is asked for', async () => {
    const events = 'job.succeeded,job.failed';
    const form = formOf(pictures, { webhook_url: receiver.url, webhook_events: events });
    const batch = await batchOf(await post(form, undefined, '', wait));
    const results = await resultsOf(stack.url, batch);
    const told = await eventually(() => {
      const about = receiver.hooks.filter(({ data }) => data['batch'] === batch.id);
      expect(about).toHaveLength(3);
      return about;
    });
    expect(told.map(({ type, data, messageId }) => [type, data.id, messageId]).sort()).toEqual(
      results.map(({ job, job_id }) => [`job.${job?.status ?? ''}`, job_id, `msg_${job_id}`]).sort(),
    );
    // batch.completed was not asked for.
    expect(receiver.hooks.filter(({ data }) => data.id === batch.id)).toEqual([]);
    expect(await redis.keys('{quintet}:outbox*')).toEqual([]);
  });
});
