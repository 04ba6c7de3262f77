/** What Hugging Face's clients send and are answered, byte by byte. */
import { gzipSync } from 'node:zlib';
import { keys, resultName, resultScope, sha256Hex } from '@quintet/shared';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobOf, startReadyApi, succeeded } from '../integration/api-harness.js';
import { eventually } from '../support/service-process.js';
import { bytes, failureOf, held, json, model, startWireStand, type WireStand } from './support/wire-stand.js';

let stand: WireStand;
beforeAll(async () => {
  stand = await startWireStand();
});
beforeEach(() => {
  stand.reset();
});
afterAll(async () => {
  await stand.stop();
});

describe('POST /models/:model', () => {
  const path = `/models/${model}`;
  const ask = (body: unknown, query = ''): Promise<Response> =>
    stand.post(`${path}${query}`, json(body), { 'Content-Type': 'application/json' });

  it.each([undefined, 'image/jpeg', 'application/x-www-form-urlencoded', 'text/plain'])(
    'takes the bytes of a picture, whatever its type is said to be: %s',
    async (type) => {
      const response = await stand.post(
        path,
        new Blob([bytes(stand.photo)]),
        type === undefined ? {} : { 'Content-Type': type },
      );
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      expect(await response.json()).toEqual([
        { label: 'class 1', score: 0.5 },
        { label: 'class 2', score: 0.25 },
        { label: 'class 0', score: 0.125 },
      ]);
      expect(stand.taken).toMatchObject([{ image: stand.photo, order: { top_k: 5, sharing: {} } }]);
    },
  );

  it('takes base64, with parameters over those of the query, and scores as asked', async () => {
    const inputs = stand.photo.toString('base64');
    const plain = await ask({ inputs, parameters: { top_k: 1 }, options: { wait_for_model: true } }, '?top_k=2');
    expect(await plain.json()).toEqual([{ label: 'class 1', score: 0.5 }]);
    expect(await (await ask({ inputs, parameters: { function_to_apply: 'none' } }, '?top_k=2')).json()).toEqual([
      { label: 'class 1', score: 3 },
      { label: 'class 2', score: 2 },
    ]);
    const [sigmoid] = (await (await ask({ inputs }, '?top_k=1&function_to_apply=sigmoid')).json()) as {
      score: number;
    }[];
    expect(sigmoid?.score).toBeCloseTo(1 / (1 + Math.exp(-3)), 9);
    // What the model said itself is nobody else's answer.
    expect(stand.taken.map(({ order }) => order.sharing !== undefined)).toEqual([true, false, false]);
  });

  it('answers what is kept of an earlier job with the same picture, which takes no place of its client', async () => {
    const limited = await startReadyApi(stand.server.url, {
      DEFAULT_MODEL: model,
      MAX_CONCURRENT_JOBS_PER_CLIENT: '1',
    });
    const ref = { name: model, version: 'sha256:0123' };
    const name = resultName(resultScope(undefined), ref, await sha256Hex(stand.photo)) ?? '';
    await stand.redis.set(keys.result(name), json([{ label: 'kept', wnid: 'n0', index: 0, score: 0.75 }]));
    for (let round = 0; round < 3; round += 1) {
      const response = await stand.post(path, bytes(stand.photo), {}, limited);
      expect(await response.json()).toEqual([{ label: 'kept', score: 0.75 }]);
    }
    const anew = await stand.post(path, bytes(stand.photo), { 'Cache-Control': 'no-cache' }, limited);
    expect(await anew.json()).toMatchObject([{ label: 'class 1' }, {}, {}]);
    expect(stand.taken).toHaveLength(1);
    await stand.redis.del(keys.result(name));
    expect(await limited.end()).toBe(0);
  });

  it('answers as Gradio does where asked', async () => {
    expect(await (await stand.post(`${path}?format=gradio&top_k=2`, bytes(stand.photo))).json()).toEqual({
      label: 'class 1',
      confidences: [
        { label: 'class 1', confidence: 0.5 },
        { label: 'class 2', confidence: 0.25 },
      ],
    });
  });

  it.each([
    ['no picture', 'text', '', [415, 'image_format_unsupported', 'it looks like text']],
    ['nothing', '', '', [400, 'body_empty', 'no body']],
    ['too much', Buffer.alloc(100_001), '', [413, 'body_too_large', '100000 bytes']],
    ['a bad top_k', 'text', '?top_k=many', [400, 'option_invalid', 'from 1 to 20']],
    ['an unknown parameter', 'text', '?threshold=1', [400, 'option_unknown', '"threshold"']],
    ['an unknown format', 'text', '?format=xml', [400, 'option_invalid', 'huggingface, gradio']],
    ['no JSON', '{"inputs":', 'json', [400, 'json_malformed', 'not JSON']],
    ['no inputs', '{}', 'json', [400, 'image_missing', 'no inputs']],
    ['no base64', json({ inputs: 'Ünsinn' }), 'json', [400, 'base64_invalid', 'inputs has a character']],
    ['a number', json({ inputs: 5 }), 'json', [400, 'base64_invalid', 'inputs must be a string']],
    ['a list of parameters', json({ inputs: '', parameters: [] }), 'json', [400, 'option_invalid', 'an object']],
    [
      'an unknown one',
      json({ inputs: '', parameters: { x: 1 } }),
      'json',
      [400, 'option_unknown', '"x". There are top_k'],
    ],
    ['an unknown member', json({ inputs: '', image: 1 }), 'json', [400, 'option_unknown', '"image"']],
    [
      'a function of its own',
      json({ inputs: '', parameters: { function_to_apply: 'max' } }),
      'json',
      [400, 'option_invalid', 'softmax'],
    ],
    ['an address within', json({ inputs: 'http://127.0.0.1/a.jpg' }), 'json', [422, 'image_url_refused', '']],
  ] as const)('refuses %s', async (_what, body, query, [status, code, words]) => {
    const isJson = query === 'json';
    const response = await stand.post(
      `${path}${isJson ? '' : query}`,
      body,
      isJson ? { 'Content-Type': 'application/json' } : {},
    );
    expect(await failureOf(response)).toEqual({ status, code, error: expect.stringContaining(words) as string });
    expect(stand.taken).toEqual([]);
  });

  it('refuses what is not there, not allowed, or packed', async () => {
    expect(await failureOf(await stand.post('/models/nothing', 'x'))).toEqual({
      status: 404,
      code: 'model_not_found',
      error: expect.stringContaining('nothing') as string,
    });
    expect(await failureOf(await stand.post('/models/No%20name', 'x'))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    expect(await failureOf(await stand.post('/models/google/vit', 'x'))).toMatchObject({
      status: 404,
      code: 'route_not_found',
    });
    expect(await failureOf(await stand.api.request(path))).toMatchObject({ status: 405, code: 'method_not_allowed' });
    const packed = await stand.post(path, bytes(gzipSync(stand.photo)), { 'Content-Encoding': 'gzip' });
    expect(await failureOf(packed)).toMatchObject({ status: 415, code: 'content_encoding_unsupported' });
  });

  it('says how the job failed', async () => {
    const error = {
      type: 'urn:x',
      title: 'x',
      status: 422,
      code: 'image_undecodable',
      retryable: false,
      detail: 'Damaged.',
    } as const;
    stand.answer = () => ({ status: 'failed', finished_at: new Date().toISOString(), error });
    expect(await failureOf(await stand.post(path, bytes(stand.photo)))).toEqual({
      status: 422,
      code: 'image_undecodable',
      error: 'Damaged.',
    });
  });

  it('says 504 when it takes too long, and names the job, which goes on', async () => {
    const release = held();
    stand.answer = async () => {
      await release.promise;
      return succeeded();
    };
    const { status, code, error } = await failureOf(await stand.post(path, bytes(stand.photo), {}, stand.impatient));
    expect([status, code]).toEqual([504, 'answer_timeout']);
    const job = /\/v1\/jobs\/[0-9a-f-]{36}/.exec(String(error))?.[0] ?? '';
    expect((await jobOf(await stand.api.request(job))).status).toBe('processing');
    release.now();
    await eventually(async () => {
      expect((await jobOf(await stand.api.request(job))).status).toBe('succeeded');
    });
  });

  it('cancels the job of a client that leaves', async () => {
    const release = held();
    stand.answer = async () => {
      await release.promise;
      return succeeded();
    };
    const leave = new AbortController();
    const asked = stand.api.request(path, { method: 'POST', body: bytes(stand.photo), signal: leave.signal });
    const id = await eventually(() => {
      expect(stand.taken).toHaveLength(1);
      return stand.taken[0]?.order.id ?? '';
    });
    leave.abort();
    await expect(asked).rejects.toThrow();
    await eventually(async () => {
      expect((await jobOf(await stand.api.request(`/v1/jobs/${id}`))).status).toBe('canceled');
    });
    release.now();
  });
});
