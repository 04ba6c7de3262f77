/** Which layouts and batch sizes are worth timing on a machine, given what its owner has fixed. */
import type { Provider } from '../inference/thread-protocol.js';
import type { Layout } from './profile.js';

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
