/** What clients of the Open Inference Protocol send and are answered, byte by byte. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobOf, startWorker, succeeded } from '../integration/api-harness.js';
import { eventually } from '../support/service-process.js';
import { bytes, failureOf, held, json, model, rowBytes, startWireStand, type WireStand } from './support/wire-stand.js';

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

describe('/v2', () => {
  const path = `/v2/models/${model}/infer`;
  const rows = (...first: readonly (readonly number[])[]): Float32Array =>
    Float32Array.from(first.flatMap((values) => [...values, ...Array.from({ length: rowBytes / 4 - 3 }, () => 0)]));
  const tensor = (count: number, more: object = {}) => ({
    name: 'data',
    shape: [count, 3, 2, 2],
    datatype: 'FP32',
    ...more,
  });
  const infer = (request: unknown): Promise<Response> => stand.post(path, json(request));
  /** With Triton's binary extension. */
  const inferBinary = (request: unknown, binary: Buffer, headers: Record<string, string> = {}): Promise<Response> => {
    const header = Buffer.from(json(request));
    const body = Buffer.concat([header, binary]);
    return stand.post(path, bytes(body), { 'Inference-Header-Content-Length': String(header.length), ...headers });
  };
  const asBytes = (values: Float32Array): Buffer => Buffer.from(values.buffer);

  it('tells of the service and its models', async () => {
    const read = async (address: string): Promise<unknown> => (await stand.api.request(address)).json();
    expect(await read('/v2')).toMatchObject({ name: 'quintet', version: expect.any(String) as string });
    expect(await read('/v2/health/live')).toEqual({ live: true });
    expect(await read('/v2/health/ready')).toEqual({ ready: true });
    const metadata = {
      name: model,
      versions: ['sha256:0123'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'data', datatype: 'FP32', shape: [-1, 3, 2, 2] }],
      outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 3] }],
    };
    for (const version of ['', '/versions/1', '/versions/sha256:0123']) {
      expect(await read(`/v2/models/${model}${version}`)).toEqual(metadata);
      expect(await read(`/v2/models/${model}${version}/ready`)).toEqual({ name: model, ready: true });
    }
    for (const address of [`/v2/models/${model}/versions/2`, '/v2/models/nothing', '/v2/models/nothing/ready']) {
      expect(await failureOf(await stand.api.request(address))).toMatchObject({ status: 404, code: 'model_not_found' });
    }
    expect(await failureOf(await stand.api.request('/v2/nothing'))).toMatchObject({
      status: 404,
      code: 'route_not_found',
    });
  });

  it('makes a job of each row, and answers them in order', async () => {
    const data = [...rows([1, 2, 3], [6, 5, 4], [7, 9, 8])];
    const response = await infer({ id: 'x', inputs: [tensor(3, { data })] });
    expect(await response.json()).toEqual({
      id: 'x',
      model_name: model,
      model_version: 'sha256:0123',
      outputs: [{ name: 'logits', datatype: 'FP32', shape: [3, 3], data: [1, 2, 3, 6, 5, 4, 7, 9, 8] }],
    });
    expect(stand.taken.map(({ order, image }) => [order.tensor, order.output, order.sharing, image.length])).toEqual(
      Array.from({ length: 3 }, () => [true, true, undefined, rowBytes]),
    );
    // Nobody else asks for them.
    expect(await stand.redis.keys('*:output:*')).toEqual([]);
  });

  it('takes and gives binary tensors, nested lists, and pictures', async () => {
    const values = rows([1, 2, 3], [6, 5, 4]);
    const inputs = [tensor(2, { parameters: { binary_data_size: 2 * rowBytes } })];
    const request = { inputs, outputs: [{ name: 'logits', parameters: { binary_data: true } }] };
    for (const headers of [undefined, { 'Content-Encoding': 'gzip' }]) {
      const header = json(request);
      const body = Buffer.concat([Buffer.from(header), asBytes(values)]);
      const response = await stand.post(path, bytes(headers === undefined ? body : gzipSync(body)), {
        'Inference-Header-Content-Length': String(header.length),
        ...headers,
      });
      const length = Number(response.headers.get('inference-header-content-length'));
      const answered = Buffer.from(await response.arrayBuffer());
      expect(JSON.parse(answered.toString('utf8', 0, length))).toMatchObject({
        outputs: [{ name: 'logits', datatype: 'FP32', shape: [2, 3], parameters: { binary_data_size: 24 } }],
      });
      expect([...new Float32Array(new Uint8Array(answered.subarray(length)).buffer)]).toEqual([1, 2, 3, 6, 5, 4]);
    }
    const nested = Array.from({ length: 3 }, (_, channel) => [
      [channel + 1, 0.5],
      [0, 0],
    ]);
    const outputs = [{ name: 'logits', parameters: { classification: 2 } }];
    expect(await (await infer({ inputs: [tensor(1, { data: [nested] })], outputs })).json()).toMatchObject({
      outputs: [{ datatype: 'BYTES', shape: [1, 2], data: ['1.000000:0:class 0', '0.500000:1:class 1'] }],
    });
    const data = [stand.photo.toString('base64'), stand.photo.toString('base64')];
    const pictures = [{ name: 'image', shape: [2, 1], datatype: 'BYTES', data }];
    expect(await (await infer({ inputs: pictures, outputs })).json()).toMatchObject({
      outputs: [
        { shape: [2, 2], data: Array.from({ length: 2 }, () => ['3.000000:1:class 1', '2.000000:2:class 2']).flat() },
      ],
    });
    expect(stand.taken.slice(-2).map(({ image, order }) => [image.equals(stand.photo), order.tensor])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
  });

  it('gives a job the priority and the time that the request names', async () => {
    const data = [...rows([1, 2, 3])];
    const began = Date.now();
    expect(
      (await infer({ inputs: [tensor(1, { data })], parameters: { timeout: 30_000_000, priority: 3 } })).status,
    ).toBe(200);
    expect(stand.taken[0]?.order.deadline_ms).toBeGreaterThanOrEqual(began + 30_000);
    expect(stand.taken[0]?.order.deadline_ms).toBeLessThan(Date.now() + 30_001);
  });

  const good = [...rows([1, 2, 3])];
  const one = (more: object): unknown => ({ inputs: [tensor(1, { data: good, ...more })] });
  it.each<[string, unknown, string]>([
    ['no inputs', {}, 'inputs'],
    ['two inputs', { inputs: [tensor(1), tensor(1)] }, 'Send one input: data (FP32) or image (BYTES)'],
    ['another input', one({ name: 'x' }), 'must be data of FP32 [-1, 3, 2, 2] or image of BYTES [N], not x of FP32'],
    ['another type', one({ datatype: 'FP64' }), 'must be FP32 [N, 3, 2, 2], not FP64'],
    ['another shape', one({ shape: [1, 2, 2, 3] }), 'not FP32 [1, 2, 2, 3]'],
    ['no batch', one({ shape: [3, 2, 2] }), 'not FP32 [3, 2, 2]'],
    ['no rows', one({ shape: [0, 3, 2, 2] }), 'from 1 to 64 rows, not 0'],
    ['too many rows', one({ shape: [65, 3, 2, 2] }), 'not 65'],
    ['half a row', one({ data: good.slice(1) }), 'a list of 12 numbers'],
    ['texts', one({ data: good.map(String) }), 'a list of 12 numbers'],
    ['no data', one({ data: undefined }), 'a list of 12 numbers'],
    [
      'what is not finite',
      one({ data: [1e39, ...good.slice(1)] }),
      'Row 0 of data has a value that is not a finite number',
    ],
    ['binary without any', one({ parameters: { binary_data_size: rowBytes } }), 'needs 48 bytes'],
    ['shared memory', one({ parameters: { shared_memory_region: 'x' } }), 'Shared memory'],
    ['another output', { inputs: [tensor(1, { data: good })], outputs: [{ name: 'x' }] }, 'no output x, but logits'],
    [
      'too many classes',
      { inputs: [tensor(1)], outputs: [{ name: 'logits', parameters: { classification: 21 } }] },
      'from 1 to 20',
    ],
    ['a sequence', { inputs: [tensor(1)], parameters: { sequence_id: 5 } }, 'no sequence_id'],
    ['a text for a flag', { inputs: [tensor(1)], parameters: { binary_data_output: 'yes' } }, 'true or false'],
    ['a picture too few', { inputs: [{ name: 'image', shape: [2], datatype: 'BYTES', data: [''] }] }, 'has 1 pictures'],
  ])('refuses %s', async (_what, request, words) => {
    expect(await failureOf(await infer(request))).toEqual({
      status: 400,
      code: 'infer_request_invalid',
      error: expect.stringContaining(words) as string,
    });
    expect(stand.taken).toEqual([]);
  });

  it('refuses what is cut, packed wrongly, or too large', async () => {
    expect(await failureOf(await stand.post(path, '{"inputs": ['))).toMatchObject({
      status: 400,
      code: 'json_malformed',
    });
    const header = { 'Inference-Header-Content-Length': '7' };
    expect(await failureOf(await stand.post(path, '{}', header))).toMatchObject({
      status: 400,
      code: 'infer_request_invalid',
    });
    expect(await failureOf(await stand.post(path, 'x', { 'Content-Encoding': 'gzip' }))).toMatchObject({
      status: 400,
      code: 'infer_request_invalid',
    });
    expect(await failureOf(await stand.post(path, 'x', { 'Content-Encoding': 'br' }))).toMatchObject({
      status: 415,
      code: 'content_encoding_unsupported',
    });
    // Small as it comes, too large as it is.
    const bomb = bytes(gzipSync(Buffer.alloc(10_000_000)));
    expect(await failureOf(await stand.post(path, bomb, { 'Content-Encoding': 'gzip' }))).toMatchObject({
      status: 413,
      code: 'body_too_large',
    });
    const pictures = {
      inputs: [{ name: 'image', shape: [1], datatype: 'BYTES', parameters: { binary_data_size: 8 } }],
    };
    const long = Buffer.from([9, 0, 0, 0, 1, 2, 3, 4]);
    expect(await failureOf(await inferBinary(pictures, long))).toEqual({
      status: 400,
      code: 'infer_request_invalid',
      error: expect.stringContaining('longer than what is there') as string,
    });
  });

  it('answers with the failure of any row', async () => {
    const error = {
      type: 'urn:x',
      title: 'x',
      status: 500,
      code: 'inference_failed',
      retryable: true,
      detail: 'No.',
    } as const;
    stand.answer = (order, image) =>
      image.readFloatLE(0) === 6
        ? { status: 'failed', finished_at: new Date().toISOString(), error }
        : stand.best(order, image);
    expect(await failureOf(await infer({ inputs: [tensor(2, { data: [...rows([1, 2, 3], [6, 5, 4])] })] }))).toEqual({
      status: 500,
      code: 'inference_failed',
      error: 'No.',
    });
  });

  it('cancels rows that take too long, as nobody could read their values later', async () => {
    const release = held();
    stand.answer = async () => {
      await release.promise;
      return succeeded();
    };
    const response = await stand.post(path, json({ inputs: [tensor(1, { data: good })] }), {}, stand.impatient);
    expect(await failureOf(response)).toMatchObject({ status: 504, code: 'answer_timeout' });
    expect((await jobOf(await stand.api.request(`/v1/jobs/${stand.taken[0]?.order.id ?? ''}`))).status).toBe(
      'canceled',
    );
    release.now();
  });

  it('takes no tensors for a model whose workers know of none, nor for one without workers', async () => {
    const other = await startWorker(stand.server, stand.best, 'older', 1);
    await eventually(async () => {
      expect(await (await stand.api.request('/v2/models/older/ready')).json()).toEqual({ name: 'older', ready: true });
    });
    expect(await failureOf(await stand.api.request('/v2/models/older'))).toMatchObject({
      status: 503,
      code: 'model_unavailable',
    });
    expect(await failureOf(await stand.post('/v2/models/older/infer', json({ inputs: [] })))).toMatchObject({
      status: 503,
      code: 'model_unavailable',
    });
    await other.close();
  });
});
