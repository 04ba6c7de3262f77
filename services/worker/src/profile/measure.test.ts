import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Layout } from './layouts.js';
import { disturbance, lowerQuartile, measure, othersBetween, watchOthers, type Measurable } from './measure.js';

/** Streams on paper: a batch takes what `cost` says, and time passes only in them. */
function machine(cost: (layout: Layout, size: number, run: number) => number, startMs = 500) {
  let time = 0;
  let runs = 0;
  const log: { layout: Layout; stopped: boolean }[] = [];
  const start = (layout: Layout, maxBatch: number): Promise<Measurable> => {
    time += startMs;
    const entry = { layout, stopped: false };
    log.push(entry);
    const busyUntil = new Map<number, number>();
    const began = time;
    return Promise.resolve({
      maxBatch,
      run: (stream, size) => {
        const took = cost(layout, size, runs++);
        // All streams run at once: each has its own time, and the clock shows the latest.
        const ended = (busyUntil.get(stream) ?? began) + took;
        busyUntil.set(stream, ended);
        time = Math.max(time, ended);
        return Promise.resolve(took);
      },
      stop: () => {
        entry.stopped = true;
        return Promise.resolve();
      },
    });
  };
  return { start, now: () => time, log };
}

const layouts = [
  { streams: 2, intraOpThreads: 1 },
  { streams: 1, intraOpThreads: 2 },
];
const batches = [1, 2, 4];

describe('measure', () => {
  it('times every layout and size, and stops what it started', async () => {
    const { start, now, log } = machine(({ intraOpThreads }, size) => (size * 60) / intraOpThreads);
    const seen: unknown[] = [];
    const rows = await measure({ layouts, batches, start, now, limitMs: 60_000, onRow: (row) => seen.push(row) });
    expect(rows.map(({ streams, batch, latencyMs }) => [streams, batch, latencyMs])).toEqual([
      [2, 1, 60],
      [2, 2, 120],
      [2, 4, 240],
      [1, 1, 30],
      [1, 2, 60],
      [1, 4, 120],
    ]);
    expect(rows[2]?.imagesPerSecond).toBeCloseTo(33.3, 1);
    expect(seen).toEqual(rows);
    expect(log.map(({ stopped }) => stopped)).toEqual([true, true]);
  });

  it('is not misled by single slow runs', async () => {
    const { start, now } = machine((_layout, size, run) => (run % 4 === 3 ? 500 : size * 10));
    const [row] = await measure({
      layouts: [{ streams: 1, intraOpThreads: 1 }],
      batches: [1],
      start,
      now,
      limitMs: 60_000,
      onRow: () => undefined,
    });
    expect(row?.latencyMs).toBe(10);
  });

  it('says how far the rounds of a size are apart', async () => {
    const only = { layouts: layouts.slice(1), batches: [1], limitMs: 60_000 };
    const scatters: number[] = [];
    // The second round begins after some 40 runs.
    for (const slower of [1, 1.5]) {
      const { start, now } = machine((_layout, _size, run) => (run > 45 ? 10 * slower : 10));
      await measure({ ...only, start, now, onRow: (_row, scatter) => scatters.push(scatter) });
    }
    expect(scatters).toEqual([1, 1.5]);
  });

  it.each([1, 60, 400, 1500, 4000])(
    'keeps to its time with a model of %i ms an image, and knows something',
    async (ms) => {
      const { start, now } = machine((_layout, size) => size * ms);
      const rows = await measure({ layouts, batches, start, now, limitMs: 16_000, onRow: () => undefined });
      // One image is always measured, in two runs after a first.
      expect(now()).toBeLessThan(Math.max(16_000, 500 + 6 * ms));
      expect(rows[0]).toMatchObject({ streams: 2, batch: 1, latencyMs: ms });
    },
  );

  it('stops the streams although a run fails', async () => {
    const { start, now, log } = machine(() => {
      throw new Error('out of memory');
    });
    await expect(measure({ layouts, batches, start, now, limitMs: 1000, onRow: () => undefined })).rejects.toThrow(
      'out of memory',
    );
    expect(log.map(({ stopped }) => stopped)).toEqual([true]);
  });
});

it('the lower quartile is a value that a quarter do not exceed', () => {
  expect([lowerQuartile([7]), lowerQuartile([4, 1, 3, 2]), lowerQuartile([9, 1, 8, 2, 7])]).toEqual([7, 1, 2]);
});

const quiet = { scatter: 1.05, othersCores: 0.1, machineCores: 2 };

describe('disturbance', () => {
  it('finds none on a quiet machine', () => {
    expect(disturbance(quiet, 2)).toBeUndefined();
  });

  it('is another process that takes a core of those that were measured', () => {
    expect(disturbance({ ...quiet, othersCores: 0.9 }, 2)).toBe('other processes kept 0.9 of 2 cores busy');
  });

  it('is a machine that was slower in one round, whoever did that', () => {
    expect(disturbance({ ...quiet, scatter: 1.6 }, 2)).toContain('up to 1.6 times as long');
  });

  it('is not what others do with the cores that a quota leaves to them', () => {
    const large = { scatter: 1, othersCores: 60, machineCores: 64 };
    expect(disturbance(large, 4)).toBeUndefined();
    expect(disturbance({ ...large, othersCores: 63 }, 4)).toBeDefined();
  });

  it('only grows with the scatter and with what others do', () => {
    const cores = fc.integer({ min: 1, max: 128 });
    const number = fc.double({ min: 0, max: 128, noNaN: true });
    fc.assert(
      fc.property(cores, cores, number, number, number, (own, more, scatter, others, worse) => {
        const conditions = { scatter: 1 + scatter, othersCores: others, machineCores: own + more };
        if (disturbance(conditions, own) === undefined) return;
        expect(disturbance({ ...conditions, scatter: 1 + scatter + worse }, own)).toBeDefined();
        expect(disturbance({ ...conditions, othersCores: others + worse }, own)).toBeDefined();
      }),
    );
  });
});

describe('processor time of others', () => {
  it('is that of all less the own, by the clock', () => {
    const before = { all: 5000, own: 1000, clock: 0 };
    expect(othersBetween(before, { all: 7000, own: 1500, clock: 1000 })).toBe(1.5);
    // A clock that counts coarsely, and a system that counts nothing.
    expect(othersBetween(before, { all: 5010, own: 1020, clock: 1000 })).toBe(0);
    expect(othersBetween({ ...before, all: 0 }, { all: 0, own: 9000, clock: 1000 })).toBe(0);
    expect(othersBetween(before, before)).toBe(0);
  });

  it('is read from this machine', () => {
    const cores = watchOthers();
    for (let sum = 0; sum < 1e6; sum += 1) Math.sqrt(sum);
    expect(cores()).toBeGreaterThanOrEqual(0);
  });
});
