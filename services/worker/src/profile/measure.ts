/**
 * Times a model: every layout, every batch size, all streams of a layout busy at once, as they are under load.
 *
 * A layout's sizes are gone through upwards and then downwards, so that a machine that becomes slower meanwhile does not
 * favour one of them; of all runs of a size the lower quartile counts, since what else a machine does only adds to a time,
 * and most to that of a session over several cores. What does not fit into the time limit is left out, the
 * larger batches and the later layouts first: the table is never empty, and what it lacks was unlikely to be chosen.
 * How far the two directions are apart tells how steady the machine was.
 */
import type { Layout, ProfileRow } from './profile.js';

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
