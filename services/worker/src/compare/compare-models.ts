/**
 * Two models over the same pictures: what they answer, and how fast.
 *
 * Window by window: decode, then rounds. A round is one picture for each stream, first through A, then through B, while
 * nothing else runs; so both meet the same machine in the same minute, and the medians of their runs can be divided.
 * Where there are few pictures, rounds over the last ones follow for their time alone.
 */
import type { Model } from '@quintet/models';
import { AgreementTally, type Accuracy, type Agreement } from './agreement.js';
import type { CropWindow, Skipped } from './crop-window.js';
import type { ModelStreams } from './model-streams.js';
import { wnidOf } from './picture-folder.js';

/** Rounds that are timed at least: medians of fewer runs wander by several percent. */
const leastRounds = 12;

export interface CompareOptions {
  readonly models: readonly [Model, Model];
  readonly streams: readonly [Pick<ModelStreams, 'run'>, Pick<ModelStreams, 'run'>];
  readonly streamCount: number;
  readonly window: Pick<CropWindow, 'fill'>;
  readonly windowSize: number;
  readonly files: readonly string[];
  readonly signal: AbortSignal;
  readonly onSkip: (skipped: Skipped) => void;
}

export interface Speed {
  /** Median time of one picture on one stream, all streams busy, normalisation included. */
  readonly latency_ms: number;
  /** Of all streams together. */
  readonly images_per_second: number;
}

export interface Comparison {
  readonly agreement: Agreement;
  readonly accuracies: readonly [Accuracy, Accuracy] | undefined;
  readonly speeds: readonly [Speed, Speed];
  readonly rounds: number;
  readonly skipped: readonly Skipped[];
}

/** Undefined where no picture could be read. Rejects if a model fails, or with the signal's reason. */
export async function compareModels(options: CompareOptions): Promise<Comparison | undefined> {
  const { models, streams, streamCount, window, windowSize, files, signal, onSkip } = options;
  const classes = new Map(models[0].labels.map(({ wnid, index }) => [wnid, index]));
  const truthOf = (file = ''): number | undefined => {
    const wnid = wnidOf(file);
    return wnid === undefined ? undefined : classes.get(wnid);
  };
  const tally = new AgreementTally();
  const times: readonly [number[], number[]] = [[], []];
  const skipped: Skipped[] = [];
  let rounds = 0;

  /** Pictures `from`, `from + 1`, … of `count`, one for each stream, beginning again at the end. */
  async function round(from: number, count: number): Promise<{ a: Float64Array; b: Float64Array }[]> {
    signal.throwIfAborted();
    const slots = Array.from({ length: streamCount }, (_, stream) => (from + stream) % count);
    const a = await streams[0].run(slots);
    const b = await streams[1].run(slots);
    a.forEach((answer) => times[0].push(answer.milliseconds));
    b.forEach((answer) => times[1].push(answer.milliseconds));
    rounds += 1;
    return a.map(({ scores }, stream) => ({ a: scores, b: b[stream]?.scores ?? new Float64Array() }));
  }

  let inWindow = 0;
  for (let start = 0; start < files.length; start += windowSize) {
    signal.throwIfAborted();
    const filled = await window.fill(files.slice(start, start + windowSize));
    filled.skipped.forEach(onSkip);
    skipped.push(...filled.skipped);
    // A window without any picture overwrites nothing: the crops of the last good one are still there.
    if (filled.files.length > 0) inWindow = filled.files.length;
    for (let from = 0; from < filled.files.length; from += streamCount) {
      const answers = await round(from, inWindow);
      answers.slice(0, filled.files.length - from).forEach(({ a, b }, stream) => {
        tally.add(a, b, truthOf(filled.files[from + stream]));
      });
    }
  }
  if (inWindow === 0) return undefined;
  for (let from = 0; rounds < leastRounds; from += streamCount) await round(from, inWindow);
  const speed = (runs: readonly number[]): Speed => {
    const latency = median(runs);
    return { latency_ms: latency, images_per_second: (streamCount * 1000) / latency };
  };
  return {
    agreement: tally.agreement(),
    accuracies: tally.accuracies(),
    speeds: [speed(times[0]), speed(times[1])],
    rounds,
    skipped,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
