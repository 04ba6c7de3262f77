/**
 * Layouts: so many sessions beside each other, each with so many threads. Which of them, and which batch sizes, are worth
 * timing on a machine, given what its owner has fixed; and which of the timed ones is chosen.
 *
 * For `throughput` it is the layout that classifies most images per second, and the smallest batch that reaches 97 % of its
 * best: a larger one would only make everybody wait longer. For `latency` it is the layout whose batch of one is fastest, and
 * the smallest batch that reaches 80 % of its best, so that a device on which batches pay keeps up under load.
 * A layout replaces one that comes before it in the table only if it is 3 % better: less is noise.
 *
 * Either way a picture that is alone in the machine should have all of it: where a single session with more threads answers
 * one picture at least 15 % sooner than the chosen layout does, it is the `solo` session beside them.
 */
import { z } from 'zod';
import type { Provider } from '../inference/thread-protocol.js';

export const layoutSchema = z.object({ streams: z.int().min(1), intraOpThreads: z.int().min(1) });
export type Layout = Readonly<z.infer<typeof layoutSchema>>;

/** What one layout does with batches of one size, all its streams busy. */
export const profileRowSchema = layoutSchema.extend({
  batch: z.int().min(1),
  /** Time of one batch, normalisation included: the lower quartile of what was measured. */
  latencyMs: z.number().positive(),
  /** Of all streams together. */
  imagesPerSecond: z.number().positive(),
});
export type ProfileRow = Readonly<z.infer<typeof profileRowSchema>>;

export const layoutText = ({ streams, intraOpThreads }: Layout): string =>
  `${streams} × ${intraOpThreads} ${intraOpThreads === 1 ? 'thread' : 'threads'}`;

/** Settings given explicitly; the profile chooses the others. */
export interface Fixed {
  readonly streams?: number | undefined;
  readonly intraOpThreads?: number | undefined;
  readonly maxBatch?: number | undefined;
}

/** On a GPU the CPU threads of a session only launch work; streams overlap copies with compute. */
const gpuStreams = [2, 1, 3];
const cpuBatches = [1, 2, 4];
const gpuBatches = [1, 2, 4, 8, 16, 32, 64];

/**
 * The layouts to time, the one that is right without a measurement first.
 *
 * On a CPU: every split of the cores into equal sessions, by powers of two: one thread each, then one session, which pictures
 * that are alone may get, then what lies between.
 */
export function candidateLayouts(provider: Provider, cores: number, fixed: Fixed): Layout[] {
  const { streams, intraOpThreads } = fixed;
  if (streams !== undefined && intraOpThreads !== undefined) return [{ streams, intraOpThreads }];
  if (provider !== 'cpu') {
    return (streams === undefined ? gpuStreams : [streams]).map((count) => ({
      streams: count,
      intraOpThreads: intraOpThreads ?? 1,
    }));
  }
  if (intraOpThreads !== undefined) return [{ streams: atLeastOne(cores / intraOpThreads), intraOpThreads }];
  if (streams !== undefined) {
    const share = atLeastOne(cores / streams);
    return [...new Set([1, share])].map((threads) => ({ streams, intraOpThreads: threads }));
  }
  const splits: Layout[] = [];
  for (let threads = 1; threads < cores; threads *= 2) {
    splits.push({ streams: Math.floor(cores / threads), intraOpThreads: threads });
  }
  return [...splits.slice(0, 1), { streams: 1, intraOpThreads: cores }, ...splits.slice(1)];
}

/** Batch sizes to time, ascending; with a fixed maximum those up to it, and it. */
export function candidateBatches(provider: Provider, fixed: Fixed): number[] {
  const { maxBatch } = fixed;
  const sizes = provider === 'cpu' ? cpuBatches : gpuBatches;
  if (maxBatch === undefined) return sizes;
  return [...new Set([...sizes.filter((size) => size < maxBatch), maxBatch])];
}

/** What runs where nothing was measured. */
export function defaultLayout(provider: Provider, cores: number, fixed: Fixed): Layout & { maxBatch: number } {
  const [layout = { streams: 1, intraOpThreads: 1 }] = candidateLayouts(provider, cores, fixed);
  return { ...layout, maxBatch: fixed.maxBatch ?? (provider === 'cpu' ? 4 : 32) };
}

function atLeastOne(value: number): number {
  return Math.max(1, Math.floor(value));
}

export type Objective = 'throughput' | 'latency';

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
