/** The model, ready to answer: streams behind a micro-batcher, and labels for what comes out. */
import type { Logger, Prediction } from '@quintet/shared';
import { MicroBatcher } from '../batching/micro-batcher.js';
import { softmax, topK } from './classify.js';
import type { InputSpec } from './normalize.js';
import { providerAdvice } from './provider.js';
import { StreamPool } from './stream-pool.js';
import type { Provider } from './thread-protocol.js';

export interface Label {
  readonly index: number;
  readonly wnid: string;
  readonly label: string;
}

export interface ClassifierOptions {
  readonly modelPath: string;
  readonly input: InputSpec;
  readonly labels: readonly Label[];
  /** What the model returns: softmax is applied to logits only. */
  readonly outputs: 'logits' | 'probabilities';
  readonly providers: readonly Provider[];
  /** By provider: a GPU wants few streams and large batches, a CPU the reverse. */
  readonly streams: (provider: Provider) => number;
  readonly maxBatch: (provider: Provider) => number;
  readonly intraOpThreads: number;
  readonly logger: Logger;
  readonly onBatch: (size: number) => void;
  readonly onRestart: () => void;
  readonly onFatal: (error: Error) => void;
}

export interface Classification {
  readonly predictions: readonly Prediction[];
  readonly batchSize: number;
  readonly batchWaitMs: number;
  readonly inferenceMs: number;
}

interface Request {
  readonly crop: Uint8Array;
  readonly topK: number;
  readonly minScore: number;
}

interface Answer {
  /** The reason where the model returned no usable row for this image. */
  readonly predictions: readonly Prediction[] | Error;
  readonly inferenceMs: number;
}

export interface Classifier {
  readonly provider: Provider;
  readonly streams: number;
  readonly maxBatch: number;
  /** `crop`: uint8 RGB [crop, crop, 3]. Rejects if the model fails on this image. */
  classify(crop: Uint8Array, topK: number, minScore: number): Promise<Classification>;
  /** Rejects what waits for a batch with AbandonedError. */
  abandon(): void;
  stop(): Promise<void>;
}

/** Starts the streams on the first provider that works. Throws with the reason and advice if none does. */
export async function startClassifier(options: ClassifierOptions): Promise<Classifier> {
  const { pool, provider, streams } = await startPool(options);
  const { labels, outputs } = options;

  const read = (row: Float32Array, request: Request): readonly Prediction[] | Error => {
    try {
      const scores = outputs === 'logits' ? softmax(row) : row;
      return topK(scores, request.topK, request.minScore).map(({ index, score }) => {
        const { wnid = '', label = '' } = labels[index] ?? {};
        return { label, wnid, index, score };
      });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };

  const batcher = new MicroBatcher<Request, Answer>({
    get idle() {
      return pool.idle;
    },
    get maxBatch() {
      return pool.maxBatch;
    },
    run: (requests) => {
      options.onBatch(requests.length);
      return pool.run(
        requests.map(({ crop }) => crop),
        ({ rows, milliseconds }) =>
          requests.map((request, index) => ({
            predictions: read(rows[index] ?? new Float32Array(), request),
            inferenceMs: milliseconds,
          })),
      );
    },
  });
  pool.onIdle = () => {
    batcher.dispatch();
  };
  options.logger.info(
    {
      provider,
      streams,
      max_batch: pool.maxBatch,
      intra_op_threads: options.intraOpThreads,
      warm_up_ms: pool.warmUpMs,
    },
    'model ready',
  );
  return {
    provider,
    streams,
    get maxBatch() {
      return pool.maxBatch;
    },
    classify: async (crop, k, minScore) => {
      const { result, batchSize, waitMs } = await batcher.submit({ crop, topK: k, minScore });
      if (result.predictions instanceof Error) throw result.predictions;
      return { predictions: result.predictions, batchSize, batchWaitMs: waitMs, inferenceMs: result.inferenceMs };
    },
    abandon: () => {
      batcher.abandon();
    },
    stop: () => pool.stop(),
  };
}

async function startPool(
  options: ClassifierOptions,
): Promise<{ pool: StreamPool; provider: Provider; streams: number }> {
  const { providers, logger, input, modelPath, intraOpThreads, labels } = options;
  for (const [index, provider] of providers.entries()) {
    const streams = options.streams(provider);
    try {
      const pool = await StreamPool.start({
        settings: {
          modelPath,
          provider,
          intraOpThreads,
          input,
          maxBatch: options.maxBatch(provider),
          classes: labels.length,
        },
        streams,
        onRestart: (reason) => {
          logger.error({ reason }, 'inference stream restarts');
          options.onRestart();
        },
        onFatal: options.onFatal,
      });
      return { pool, provider, streams };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const next = providers[index + 1];
      if (next === undefined) throw new Error(`${providerAdvice(provider)}: ${reason}`, { cause: error });
      logger.warn({ provider, reason }, `${provider} is not usable here; falling back to ${next}`);
    }
  }
  throw new Error('no execution provider to try');
}
