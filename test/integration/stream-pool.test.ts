/** Which stream runs what, with real threads and ONNX Runtime: the compiled pool on a small model. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildResnet50, encodeModel } from '@quintet/models';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StreamPool } from '../../services/worker/dist/inference/stream-pool.js';

const classes = 10;
const side = 64;
const slots = new SharedArrayBuffer(4 * side * side * 3);
let folder: string;
let path: string;
let pool: StreamPool | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-pool-'));
  path = join(folder, 'model.onnx');
  const { model } = buildResnet50({ width: 16, blocks: [1, 1], classes, imageSize: side });
  await writeFile(path, Buffer.concat([...encodeModel(model)]));
  const pixels = new Uint8Array(slots);
  for (let index = 0; index < pixels.length; index += 1) pixels[index] = (index * 31 + (index >> 7)) & 255;
});
afterEach(() => pool?.stop());
afterAll(() => rm(folder, { recursive: true }));

let alone = true;

async function startPool(soloThreads?: number): Promise<StreamPool> {
  alone = true;
  const input = { crop: side, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2], layout: 'NCHW', color: 'RGB' } as const;
  pool = await StreamPool.start({
    settings: {
      file: { path, prepared: false, exactInt8: true },
      provider: 'cpu',
      intraOpThreads: 1,
      maxBatch: 2,
      input,
      classes,
      slots,
    },
    streams: 2,
    solo: soloThreads === undefined ? undefined : { intraOpThreads: soloThreads, isAlone: () => alone },
    onRestart: () => undefined,
    onFatal: () => undefined,
  });
  return pool;
}

/** Where a batch ran, and its logits. */
const run = (from: StreamPool, batch: readonly number[]) =>
  from.run(batch, ({ solo, rows }) => ({ solo, rows: rows.map((row) => [...row]) }));

describe('StreamPool', () => {
  it('gives the solo stream an image that is alone, and only that', async () => {
    const streams = await startPool(2);
    expect(streams.idle).toBe(2);
    expect((await run(streams, [0])).solo).toBe(true);
    // The solo stream is busy: the next goes elsewhere, whoever believes to be alone.
    const both = await Promise.all([run(streams, [0]), run(streams, [1])]);
    expect(both.map(({ solo }) => solo)).toEqual([true, false]);
    expect((await run(streams, [0, 1])).solo).toBe(false);
    alone = false;
    expect((await run(streams, [3])).solo).toBe(false);
    alone = true;
    expect((await run(streams, [3])).solo).toBe(true);
  });

  it('answers the same wherever an image runs, alone or in company', async () => {
    const streams = await startPool(2);
    const [alone] = (await run(streams, [1])).rows;
    const company = (await run(streams, [0, 1])).rows[1] ?? [];
    expect(alone).toHaveLength(classes);
    for (const [index, value] of (alone ?? []).entries()) expect(value).toBeCloseTo(company[index] ?? NaN, 4);
  });

  it('tells who listens when the solo stream is idle again', async () => {
    const streams = await startPool(2);
    let told = 0;
    streams.onIdle = () => {
      told += 1;
    };
    await run(streams, [0]);
    expect(told).toBe(1);
  });

  it('does without one', async () => {
    const streams = await startPool();
    expect((await run(streams, [0])).solo).toBe(false);
  });
});
