/**
 * From the measured table to the settings.
 *
 * `throughput`: the layout that classifies most images per second, and the smallest batch that reaches 97 % of its best:
 * a larger one would only make everybody wait longer. `latency`: the layout whose batch of one is fastest, and the smallest
 * batch that reaches 80 % of its best, so that a device on which batches pay keeps up under load.
 * A layout replaces one that stands before it in the table only if it is 3 % better: less is noise.
 *
 * Either way a picture that is alone in the machine should have all of it: where a single session with more threads answers
 * one picture at least 15 % sooner than the chosen layout does, it is the `solo` session beside them.
 */
import type { Fixed } from './candidates.js';
import type { Layout, ProfileRow } from './profile.js';

export const objectives = ['throughput', 'latency'] as const;
export type Objective = (typeof objectives)[number];

export interface Choice extends Layout {
  readonly maxBatch: number;
  /** Images per second of all streams at `maxBatch`. */
  readonly imagesPerSecond: number;
  /** Milliseconds by batch size, for this layout. */
  readonly latencyMs: ReadonlyMap<number, number>;
  /** Threads of a further session, for pictures that are alone, and how long one takes. */
  readonly solo?: { readonly intraOpThreads: number; readonly latencyMs: number };
}

const noise = 1.03;
/** A session of its own costs memory: it is worth that only if it is clearly faster. */
const worthwhile = 0.85;
const goodEnough = { throughput: 0.97, latency: 0.8 };

/** `rows` in the order they were measured; `maxBatch`, where fixed, must be among them. */
export function choose(rows: readonly ProfileRow[], objective: Objective, { maxBatch }: Fixed = {}): Choice {
  const layouts = new Map<string, ProfileRow[]>();
  for (const row of rows) {
    const name = `${row.streams}x${row.intraOpThreads}`;
    layouts.set(name, [...(layouts.get(name) ?? []), row]);
  }
  const [first, ...others] = layouts.values();
  if (first === undefined) throw new RangeError('nothing was measured');
  const better = objective === 'throughput' ? isFaster : answersSooner;
  const layout = others.reduce((best, candidate) => (better(candidate, best) ? candidate : best), first);
  const enough = fastest(layout) * goodEnough[objective];
  const sizes = [...layout].sort((a, b) => a.batch - b.batch);
  const chosen =
    sizes.find((row) => (maxBatch === undefined ? row.imagesPerSecond >= enough : row.batch === maxBatch)) ??
    sizes.at(-1);
  if (chosen === undefined) throw new RangeError('nothing was measured');
  const solo = soloFor(layout, [...layouts.values()]);
  return {
    streams: chosen.streams,
    intraOpThreads: chosen.intraOpThreads,
    maxBatch: maxBatch ?? chosen.batch,
    imagesPerSecond: chosen.imagesPerSecond,
    latencyMs: new Map(sizes.map(({ batch, latencyMs }) => [batch, latencyMs])),
    ...(solo && { solo }),
  };
}

function soloFor(chosen: readonly ProfileRow[], layouts: readonly (readonly ProfileRow[])[]): Choice['solo'] {
  const [first] = chosen;
  const candidates = layouts
    .filter(([row]) => row?.streams === 1 && row.intraOpThreads > (first?.intraOpThreads ?? 0))
    .sort((a, b) => latencyOfOne(a) - latencyOfOne(b));
  const [best] = candidates;
  const latencyMs = latencyOfOne(best ?? []);
  if (best?.[0] === undefined || latencyMs > latencyOfOne(chosen) * worthwhile) return undefined;
  return { intraOpThreads: best[0].intraOpThreads, latencyMs };
}

function isFaster(candidate: readonly ProfileRow[], best: readonly ProfileRow[]): boolean {
  return fastest(candidate) > fastest(best) * noise;
}

function answersSooner(candidate: readonly ProfileRow[], best: readonly ProfileRow[]): boolean {
  return latencyOfOne(candidate) * noise < latencyOfOne(best);
}

function fastest(rows: readonly ProfileRow[]): number {
  return Math.max(...rows.map(({ imagesPerSecond }) => imagesPerSecond));
}

function latencyOfOne(rows: readonly ProfileRow[]): number {
  return rows.find(({ batch }) => batch === 1)?.latencyMs ?? Number.POSITIVE_INFINITY;
}
