import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidateBatches, candidateLayouts, choose, defaultLayout, type ProfileRow } from './layouts.js';

const row = (streams: number, intraOpThreads: number, batch: number, latencyMs: number): ProfileRow => ({
  streams,
  intraOpThreads,
  batch,
  latencyMs,
  imagesPerSecond: (streams * batch * 1000) / latencyMs,
});

/** Two cores: a session on each is faster, one session over both answers sooner, batches gain a little. */
const cpu = [row(2, 1, 1, 60), row(2, 1, 2, 118), row(2, 1, 4, 215), row(1, 2, 1, 36), row(1, 2, 2, 70)];
/** A GPU: batches pay. */
const gpu = [row(2, 1, 1, 4), row(2, 1, 8, 8), row(2, 1, 16, 14), row(2, 1, 32, 28), row(1, 1, 1, 2.5)];

describe('choose', () => {
  it('takes the fastest layout, and the smallest batch that is as good as the best', () => {
    expect(choose(cpu, 'throughput')).toMatchObject({ streams: 2, intraOpThreads: 1, maxBatch: 4 });
    expect(choose(gpu, 'throughput')).toMatchObject({ streams: 2, maxBatch: 16 });
    const flat = [row(2, 1, 1, 60), row(2, 1, 4, 236)];
    expect(choose(flat, 'throughput').maxBatch).toBe(1);
  });

  it('takes the layout that answers one picture soonest, and keeps up where batches pay', () => {
    expect(choose(cpu, 'latency')).toMatchObject({ streams: 1, intraOpThreads: 2, maxBatch: 1 });
    expect(choose(gpu.slice(0, 4), 'latency')).toMatchObject({ streams: 2, maxBatch: 8 });
  });

  it('keeps a batch size that was fixed', () => {
    expect(choose(cpu, 'throughput', { maxBatch: 2 })).toMatchObject({ streams: 2, maxBatch: 2 });
  });

  it('does not change the layout for a difference that is noise', () => {
    expect(choose([row(2, 1, 1, 60), row(1, 2, 1, 29.5)], 'throughput').streams).toBe(2);
  });

  it('tells how long each batch takes in the layout that it chose', () => {
    expect([...choose(cpu, 'latency').latencyMs]).toEqual([
      [1, 36],
      [2, 70],
    ]);
  });

  it('adds a session for pictures that are alone where one with more threads is clearly faster, and only there', () => {
    const wide = [row(2, 1, 1, 80), row(1, 2, 1, 44)];
    expect(choose(wide, 'throughput').solo).toEqual({ intraOpThreads: 2, latencyMs: 44 });
    expect(choose([row(2, 1, 1, 80), row(1, 2, 1, 75)], 'throughput').solo).toBeUndefined();
    // The layout that answers soonest is chosen itself.
    expect(choose(wide, 'latency').solo).toBeUndefined();
    expect(choose([row(2, 1, 1, 80)], 'throughput').solo).toBeUndefined();
    const eight = [row(8, 1, 1, 80), row(4, 2, 1, 50), row(2, 4, 1, 30), row(1, 8, 1, 20)];
    expect(choose(eight, 'throughput').solo).toEqual({ intraOpThreads: 8, latencyMs: 20 });
    // On a GPU the threads of a session only launch work.
    expect(choose([row(2, 1, 1, 3), row(1, 1, 1, 2)], 'throughput').solo).toBeUndefined();
  });

  it('never chooses what is slower than 94 % of the best for throughput', () => {
    const rows = fc.uniqueArray(
      fc.record({ streams: fc.integer({ min: 1, max: 8 }), batch: fc.integer({ min: 1, max: 8 }), ms: fc.nat(500) }),
      { minLength: 1, selector: ({ streams, batch }) => `${streams} ${batch}` },
    );
    fc.assert(
      fc.property(rows, (measured) => {
        const table = measured.map(({ streams, batch, ms }) => row(streams, 1, batch, ms + 1));
        const best = Math.max(...table.map(({ imagesPerSecond }) => imagesPerSecond));
        expect(choose(table, 'throughput').imagesPerSecond).toBeGreaterThanOrEqual(best * 0.94);
      }),
    );
  });
});

describe('candidates', () => {
  it('splits the cores into equal sessions, never more threads than cores', () => {
    expect(candidateLayouts('cpu', 1, {})).toEqual([{ streams: 1, intraOpThreads: 1 }]);
    expect(candidateLayouts('cpu', 8, {}).map(({ streams, intraOpThreads }) => [streams, intraOpThreads])).toEqual([
      [8, 1],
      [1, 8],
      [4, 2],
      [2, 4],
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 128 }), (cores) => {
        for (const { streams, intraOpThreads } of candidateLayouts('cpu', cores, {})) {
          expect(streams * intraOpThreads).toBeLessThanOrEqual(cores);
        }
      }),
    );
  });

  it('keeps what is fixed', () => {
    expect(candidateLayouts('cpu', 4, { streams: 3, intraOpThreads: 2 })).toEqual([{ streams: 3, intraOpThreads: 2 }]);
    expect(candidateLayouts('cpu', 8, { streams: 2 }).map((layout) => layout.intraOpThreads)).toEqual([1, 4]);
    expect(candidateLayouts('cpu', 2, { intraOpThreads: 4 })).toEqual([{ streams: 1, intraOpThreads: 4 }]);
    expect(candidateBatches('cpu', { maxBatch: 3 })).toEqual([1, 2, 3]);
    expect(candidateBatches('cuda', { maxBatch: 16 })).toEqual([1, 2, 4, 8, 16]);
  });

  it('has a default for machines that are not measured', () => {
    expect(defaultLayout('cpu', 4, {})).toEqual({ streams: 4, intraOpThreads: 1, maxBatch: 4 });
    expect(defaultLayout('cuda', 4, {})).toEqual({ streams: 2, intraOpThreads: 1, maxBatch: 32 });
  });
});
