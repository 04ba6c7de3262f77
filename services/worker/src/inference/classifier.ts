/** The model, ready to answer: streams behind a micro-batcher, and labels for what comes out. */
import type { Label } from '@quintet/models';
import type { Prediction } from '@quintet/shared';
import { LatencyModel } from '../batching/latency-model.js';
import { MicroBatcher, monotonicClock } from '../batching/micro-batcher.js';
import type { ClassMap } from '../explain/class-map.js';
import type { StreamPool } from './stream-pool.js';

export interface ClassifierOptions {
  readonly pool: StreamPool;
  /** Milliseconds by batch size, as measured; without a measurement, those of the warm-up. */
  readonly latencyMs: ReadonlyMap<number, number>;
  readonly labels: readonly Label[];
  /** What the model returns: softmax is applied to logits only. */
  readonly outputs: 'logits' | 'probabilities';
  readonly onBatch: (size: number) => void;
}

export interface Classification {
  readonly predictions: readonly Prediction[];
  /** All values that the model returned, where they were asked for. */
  readonly output?: Float32Array;
  readonly batchSize: number;
  readonly batchWaitMs: number;
  readonly inferenceMs: number;
  /** Of the most likely class, where it was asked for. */
  readonly map?: ClassMap | undefined;
}

export interface ClassifyOptions {
  readonly topK: number;
  readonly minScore: number;
  /** Whether all values that the model returns are wanted, too. */
  readonly output?: boolean;
  /** Whether the map of the most likely class is wanted; only where the streams can explain. */
  readonly explain?: boolean | undefined;
  /** 0 goes first. */
  readonly priority?: number | undefined;
  /** Milliseconds from now within which inference must begin. */
  readonly startWithinMs?: number | undefined;
  /** Aborted when nobody wants the answer any more. */
  readonly canceled?: AbortSignal | undefined;
}

interface Request extends ClassifyOptions {
  readonly slot: number;
}

interface Answer {
  /** The reason where the model returned no usable row for this image. */
  readonly predictions: readonly Prediction[] | Error;
  readonly output?: Float32Array;
  readonly inferenceMs: number;
  readonly map: ClassMap | undefined;
}

export class Classifier {
  readonly #batcher: MicroBatcher<Request, Answer>;

  constructor(private readonly options: ClassifierOptions) {
    const { pool, onBatch } = options;
    const latency = new LatencyModel(options.latencyMs);
    this.#latency = latency;
    this.#batcher = new MicroBatcher<Request, Answer>({
      get idle() {
        return pool.idle;
      },
      get maxBatch() {
        return pool.maxBatch;
      },
      latency: (size) => latency.estimate(size),
      run: (requests) => {
        onBatch(requests.length);
        const explained = requests.flatMap(({ explain }, index) => (explain === true ? [index] : []));
        return pool.run(
          requests.map(({ slot }) => slot),
          ({ rows, milliseconds, solo, maps }) => {
            // The estimates are those of the streams that work under load.
            if (!solo) latency.observe(requests.length, milliseconds);
            return requests.map((request, index) => {
              const row = rows[index] ?? new Float32Array();
              return {
                predictions: this.#read(row, request),
                // The row is the stream's, and overwritten by its next run.
                ...(request.output === true ? { output: Float32Array.from(row) } : {}),
                inferenceMs: milliseconds,
                map: maps[explained.indexOf(index)],
              };
            });
          },
          explained,
        );
      },
    });
    pool.onIdle = () => {
      this.#batcher.dispatch();
    };
  }

  readonly #latency: LatencyModel;

  /**
   * Classifies the crop in `slot`, or the tensor at that place. Rejects if the model fails on it, with DeadlineError if it could not start in time, with
   * CanceledError if it was canceled before its batch started, or with AbandonedError.
   */
  async classify(slot: number, options: ClassifyOptions): Promise<Classification> {
    const { priority = 0, startWithinMs, canceled } = options;
    // The batcher knows when an answer is due; a job's deadline is for its start.
    const due = startWithinMs === undefined ? undefined : startWithinMs + this.#latency.estimate(1);
    const { result, batchSize, waitMs } = await this.#batcher.submit(
      { slot, ...options },
      {
        priority,
        ...(due === undefined ? {} : { due: monotonicClock.now() + due }),
        ...(canceled === undefined ? {} : { canceled }),
      },
    );
    if (result.predictions instanceof Error) throw result.predictions;
    const { predictions, output, inferenceMs, map } = result;
    return { predictions, batchSize, batchWaitMs: waitMs, inferenceMs, map, ...(output && { output }) };
  }

  /** Rejects what waits for a batch with AbandonedError. */
  abandon(): void {
    this.#batcher.abandon();
  }

  stop(): Promise<void> {
    return this.options.pool.stop();
  }

  #read(row: Float32Array, request: Request): readonly Prediction[] | Error {
    const { labels, outputs } = this.options;
    try {
      const scores = outputs === 'logits' ? softmax(row) : row;
      return topK(scores, request.topK, request.minScore).map(({ index, score }) => {
        const { wnid = '', label = '' } = labels[index] ?? {};
        return { label, wnid, index, score };
      });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

interface Scored {
  readonly index: number;
  readonly score: number;
}

/**
 * Softmax over `logits`, in float64, shifted by the maximum so that no exponent overflows.
 * Throws where a value is not finite: such a result must never look like an answer.
 */
export function softmax(logits: Float32Array): Float64Array {
  let max = -Infinity;
  for (const value of logits) {
    if (!Number.isFinite(value)) throw new RangeError('the model returned a value that is not a number');
    if (value > max) max = value;
  }
  const scores = new Float64Array(logits.length);
  let sum = 0;
  for (const [index, value] of logits.entries()) {
    const exponential = Math.exp(value - max);
    scores[index] = exponential;
    sum += exponential;
  }
  return scores.map((value) => value / sum);
}

/** The `k` largest of `scores`, best first; of equal ones the lower index first. Those under `minScore` are left out. */
export function topK(scores: ArrayLike<number>, k: number, minScore = 0): Scored[] {
  const best: Scored[] = [];
  for (let index = 0; index < scores.length; index += 1) {
    const score = scores[index] ?? 0;
    if (score < minScore) continue;
    const last = best[best.length - 1];
    if (best.length === k && (last === undefined || score <= last.score)) continue;
    let place = best.length;
    while (place > 0 && (best[place - 1]?.score ?? 0) < score) place -= 1;
    best.splice(place, 0, { index, score });
    if (best.length > k) best.pop();
  }
  return best;
}
