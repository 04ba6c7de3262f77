/**
 * Two models over the same pictures: what they answer, and how fast.
 *
 * Window by window: decode, then rounds. A round is one picture for each stream, first through A, then through B, while
 * nothing else runs; so both meet the same machine in the same minute, and the medians of their runs can be divided.
 * Where there are few pictures, rounds over the last ones follow for their time alone.
 */
import type { Model } from '@quintet/models';
import { topK } from '../inference/classifier.js';
import type { CropWindow, Skipped } from './crop-window.js';
import type { ModelStreams } from './model-streams.js';

/** Rounds that are timed at least: medians of fewer runs wander by several percent. */
const leastRounds = 12;

export interface CompareOptions {
  readonly models: readonly [Model, Model];
  readonly streams: readonly [ModelStreams, ModelStreams];
  readonly streamCount: number;
  readonly window: CropWindow;
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

/** How many labels count as the first ones, as in the service's default answer. */
const firstLabels = 5;

/** Every number is a mean over the pictures. */
export interface Agreement {
  readonly pictures: number;
  /** How many have the same first class, and their share. */
  readonly same_top1: number;
  readonly top1_agreement: number;
  /** Share of A's first five classes that are among B's first five, whatever their order. */
  readonly top5_overlap: number;
  /** |p_A(c) − p_B(c)| for A's first class c. */
  readonly top1_probability_difference: number;
  /** |p_A(c) − p_B(c)|, the mean over all classes c. */
  readonly class_probability_difference: number;
  /** Half the sum of |p_A(c) − p_B(c)| over all classes: 0 for equal answers, 1 for answers that exclude each other. */
  readonly total_variation: number;
}

/** How often a classifier is right, over the pictures whose class is known. */
export interface Accuracy {
  readonly pictures: number;
  readonly top1: number;
  readonly top5: number;
}

/**
 * How two classifiers' answers to the same pictures differ. Scores are probabilities: the same classes in the same order,
 * those of one picture together 1. Takes the answers to one picture after another, and keeps sums only.
 */
export class AgreementTally {
  #pictures = 0;
  #sameFirst = 0;
  #overlap = 0;
  #firstDifference = 0;
  #classDifference = 0;
  #variation = 0;
  #known = 0;
  readonly #rightA = { top1: 0, top5: 0 };
  readonly #rightB = { top1: 0, top5: 0 };

  /** `truth`: the index of the class that the picture shows, where it is known. Throws RangeError for unequal lengths. */
  add(a: Float64Array, b: Float64Array, truth?: number): void {
    if (a.length !== b.length || a.length === 0) throw new RangeError('two answers of the same classes are needed');
    const [topA, topB] = [a, b].map((scores) => topK(scores, firstLabels).map(({ index }) => index));
    const first = topA?.[0];
    if (topA === undefined || topB === undefined || first === undefined) throw new RangeError('there are no classes');
    const difference = a.reduce((sum, score, index) => sum + Math.abs(score - (b[index] ?? 0)), 0);
    this.#pictures += 1;
    this.#sameFirst += Number(first === topB[0]);
    this.#overlap += topA.filter((index) => topB.includes(index)).length / topA.length;
    this.#firstDifference += Math.abs((a[first] ?? 0) - (b[first] ?? 0));
    this.#classDifference += difference / a.length;
    this.#variation += difference / 2;
    if (truth === undefined) return;
    this.#known += 1;
    count(this.#rightA, topA, truth);
    count(this.#rightB, topB, truth);
  }

  /** Throws RangeError before the first picture. */
  agreement(): Agreement {
    const pictures = this.#pictures;
    if (pictures === 0) throw new RangeError('there are no pictures');
    return {
      pictures,
      same_top1: this.#sameFirst,
      top1_agreement: this.#sameFirst / pictures,
      top5_overlap: this.#overlap / pictures,
      top1_probability_difference: this.#firstDifference / pictures,
      class_probability_difference: this.#classDifference / pictures,
      total_variation: this.#variation / pictures,
    };
  }

  /** Of A and of B; undefined where no picture's class is known. */
  accuracies(): readonly [Accuracy, Accuracy] | undefined {
    const pictures = this.#known;
    if (pictures === 0) return undefined;
    const share = ({ top1, top5 }: { top1: number; top5: number }): Accuracy => ({
      pictures,
      top1: top1 / pictures,
      top5: top5 / pictures,
    });
    return [share(this.#rightA), share(this.#rightB)];
  }
}

function count(right: { top1: number; top5: number }, top: readonly number[], truth: number): void {
  right.top1 += Number(top[0] === truth);
  right.top5 += Number(top.includes(truth));
}

/** `n01440764_tench.JPEG` → `n01440764`: ImageNet's files begin with the WordNet id of what they show. */
export function wnidOf(file: string): string | undefined {
  return /^(n\d{8})_/.exec(file)?.[1];
}
