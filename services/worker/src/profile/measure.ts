/**
 * Times a model: every layout, every batch size, all streams of a layout busy at once, as they are under load.
 *
 * A layout's sizes are gone through upwards and then downwards, so that a machine that becomes slower meanwhile does not
 * favour one of them; of all runs of a size the lower quartile counts, since what else a machine does only adds to a time,
 * and most to that of a session over several cores. What does not fit into the time limit is left out, the
 * larger batches and the later layouts first: the table is never empty, and what it lacks was unlikely to be chosen.
 * How far the two directions are apart tells how steady the machine was.
 */
import { cpus } from 'node:os';
import type { Layout, ProfileRow } from './layouts.js';

/** The streams of one layout. */
export interface Measurable {
  /** Runs a batch of `size` on stream `stream`; resolves to its milliseconds. */
  run(stream: number, size: number): Promise<number>;
  /** Largest batch that the model takes. */
  readonly maxBatch: number;
  stop(): Promise<void>;
}

export interface MeasureOptions {
  readonly layouts: readonly Layout[];
  /** Ascending. */
  readonly batches: readonly number[];
  readonly start: (layout: Layout, maxBatch: number) => Promise<Measurable>;
  readonly limitMs: number;
  readonly now: () => number;
  /** Called as each row is known; `scatter`: how many times as long the slower direction took as the other, 1 where there was one only. */
  readonly onRow: (row: ProfileRow, scatter: number) => void;
}

/** How long one size is timed in one direction, at least; two runs in any case. */
const sliceMs = 400;
const leastRuns = 2;

export async function measure(options: MeasureOptions): Promise<ProfileRow[]> {
  const { layouts, batches, start, now, limitMs, onRow } = options;
  const end = now() + limitMs;
  const rows: ProfileRow[] = [];
  let costOfLayout = 0;
  for (const layout of layouts) {
    // A layout that would be cut short tells nothing: the first one took as long as this one will.
    if (rows.length > 0 && now() + costOfLayout > end) break;
    const started = now();
    const streams = await start(layout, batches.at(-1) ?? 1);
    try {
      for (const { row, scatter } of await measureLayout(layout, streams, { batches, end, now })) {
        rows.push(row);
        onRow(row, scatter);
      }
    } finally {
      await streams.stop();
    }
    costOfLayout = Math.max(costOfLayout, now() - started);
  }
  return rows;
}

async function measureLayout(
  layout: Layout,
  streams: Measurable,
  { batches, end, now }: { batches: readonly number[]; end: number; now: () => number },
): Promise<{ row: ProfileRow; scatter: number }[]> {
  /** By size, one list for each direction. */
  const times = new Map<number, number[][]>();
  const slice = async (size: number): Promise<void> => {
    const runs = await Promise.all(
      Array.from({ length: layout.streams }, async (_, stream) => {
        const own: number[] = [];
        const until = now() + sliceMs;
        while (own.length < leastRuns || now() < until) own.push(await streams.run(stream, size));
        return own;
      }),
    );
    times.set(size, [...(times.get(size) ?? []), runs.flat()]);
  };
  for (const size of batches.filter((batch) => batch <= streams.maxBatch)) {
    const before = now();
    // The first run of a size allocates.
    const [first = 0] = await Promise.all(Array.from({ length: layout.streams }, (_, id) => streams.run(id, size)));
    if (times.size > 0 && now() + 2 * leastRuns * first > end) break;
    await slice(size);
    if (now() + 2 * (now() - before) > end) break;
  }
  for (const size of [...times.keys()].reverse()) {
    if (now() + leastRuns * lowerQuartile(times.get(size)?.flat() ?? [0]) > end) break;
    await slice(size);
  }
  return [...times].map(([batch, rounds]) => {
    const latencyMs = lowerQuartile(rounds.flat());
    const each = rounds.map(lowerQuartile);
    return {
      row: { ...layout, batch, latencyMs, imagesPerSecond: (layout.streams * batch * 1000) / latencyMs },
      scatter: Math.max(...each) / Math.min(...each),
    };
  });
}

/** Of the values in order, the one a quarter of the way, the nearest below. */
export function lowerQuartile(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 4)] ?? Number.NaN;
}

/**
 * What a measurement was disturbed by: others that use the machine meanwhile, or times that change, make the table one of the
 * moment and not of the machine.
 */
export interface Conditions {
  /** How many times as long the slower of two rounds took as the faster, at worst; 1: no difference. */
  readonly scatter: number;
  /** Cores that others kept busy, on average. */
  readonly othersCores: number;
  /** Cores of the machine, of which this process may use only some. */
  readonly machineCores: number;
}

/** Others may take this part of the cores that were measured: what a quiet machine's other processes do. */
const tolerated = 0.15;
const mostScatter = 1.25;

/** Why what was measured on `cores` is not to be kept; undefined where it is good. */
export function disturbance({ scatter, othersCores, machineCores }: Conditions, cores: number): string | undefined {
  // On a large machine others may have cores of their own.
  const taken = othersCores - Math.max(0, machineCores - cores);
  if (taken > tolerated * cores) return `other processes kept ${othersCores.toFixed(1)} of ${machineCores} cores busy`;
  if (scatter > mostScatter) return `the same batch took up to ${scatter.toFixed(1)} times as long in another round`;
  return undefined;
}

/** A reading of processor time and of the clock, in ms; processor time is counted from any moment on. */
export interface Reading {
  /** Of all processes of the machine. */
  readonly all: number;
  readonly own: number;
  readonly clock: number;
}

/** Cores that other processes kept busy from one reading to a later one. */
export function othersBetween(before: Reading, after: Reading): number {
  const elapsed = after.clock - before.clock;
  if (elapsed <= 0) return 0;
  return Math.max(0, after.all - before.all - (after.own - before.own)) / elapsed;
}

/**
 * Returns a function that says how many cores others have kept busy since this call. Others are counted by processor time, all of
 * the machine's less this process's own: the load average would still include the build before, and the measurement itself.
 * Where the system counts no processor time, as some sandboxes do, and for the neighbours of a virtual machine, the scatter
 * remains.
 */
export function watchOthers(read: () => Reading = readProcessorTime): () => number {
  const before = read();
  return () => othersBetween(before, read());
}

function readProcessorTime(): Reading {
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const { user, system } = process.cpuUsage();
  return { all, own: (user + system) / 1000, clock: performance.now() };
}
