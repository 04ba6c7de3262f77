/**
 * From a model's file to a classifier that runs at its best here: which provider, which layout, which batches.
 *
 * For each provider to try: tune (measured before, or now) → choose → start the streams. The first whose streams start is
 * the one; with the last one's failure the worker fails, with the reason and what can be done.
 */
import type { Model } from '@quintet/models';
import type { ConfigOf, Logger, WorkerPresence, workerVariables } from '@quintet/shared';
import { CropSlots } from './batching/crop-slots.js';
import { Classifier } from './inference/classifier.js';
import { providerAdvice } from './inference/hardware.js';
import { modelFile, type OpenedModel } from './inference/model-file.js';
import type { InputSpec } from './inference/normalize.js';
import { StreamPool } from './inference/stream-pool.js';
import type { Provider, TensorNames } from './inference/thread-protocol.js';
import {
  choose,
  defaultLayout,
  layoutText,
  type Choice,
  type Fixed,
  type Layout,
  type Objective,
  type ProfileRow,
} from './profile/layouts.js';
import { tune, tuningFolders, type TuneOptions } from './profile/tune.js';

/** Jobs held at once, for every image that the streams can run at once: enough to decode ahead of inference. */
const jobsPerImage = 3;
const leastJobs = 4;

export interface EngineOptions {
  readonly model: Model;
  readonly providers: readonly Provider[];
  readonly cores: number;
  readonly settings: ConfigOf<typeof workerVariables>;
  readonly logger: Logger;
  readonly onBatch: (size: number) => void;
  readonly onRestart: () => void;
  readonly onFatal: (error: Error) => void;
}

export interface Engine {
  readonly classifier: Classifier;
  readonly slots: CropSlots;
  readonly pool: StreamPool;
  readonly provider: Provider;
  readonly layout: Layout;
  /** What was chosen of what was measured; undefined where nothing was. */
  readonly choice: Choice | undefined;
  readonly rows: readonly ProfileRow[];
  /** Milliseconds by batch size that the scheduler starts with. */
  readonly latencyMs: ReadonlyMap<number, number>;
  /** What the model takes and returns, as clients of the Open Inference Protocol are told. */
  readonly tensors: WorkerPresence['tensors'];
  /** Whether its answers can be explained by class activation maps. */
  readonly explains: boolean;
  /** Where the model is still to be measured: measures it, for the next start; false where it remains to be done. */
  readonly measureLater: ((signal: AbortSignal) => Promise<boolean>) | undefined;
}

/** Starts the streams on the first provider that works. Throws with the reason and advice if none does. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { providers, logger } = options;
  const opened = await modelFile(options.model, options.settings.INT8_ARITHMETIC);
  for (const [index, provider] of providers.entries()) {
    try {
      return await startOn(provider, opened, options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const next = providers[index + 1];
      if (next === undefined) throw new Error(`${providerAdvice(provider)}: ${reason}`, { cause: error });
      logger.warn({ provider, reason }, `${provider} is not usable here; falling back to ${next}`);
    }
  }
  throw new Error('no execution provider to try');
}

async function startOn(provider: Provider, { file, head }: OpenedModel, options: EngineOptions): Promise<Engine> {
  const { model, cores, settings, logger } = options;
  const { manifest, labels } = model;
  const fixed: Fixed = {
    streams: settings.INFERENCE_STREAMS,
    intraOpThreads: settings.INTRA_OP_THREADS,
    maxBatch: settings.MAX_BATCH_SIZE,
  };
  const shape = { input: manifest.preprocess, classes: labels.length };
  const { version } = manifest;
  const { PROFILE: profile } = settings;
  const folders = tuningFolders(model, settings.DATA_DIR);
  const tuneOptions: TuneOptions = { file, version, folders, provider, cores, ...shape, fixed, profile, logger };
  const tuning = await tune(tuneOptions);
  const choice = tuning.rows.length === 0 ? undefined : choose(tuning.rows, settings.OPTIMIZE, fixed);
  const layout = choice ?? defaultLayout(provider, cores, fixed);
  const { streams, intraOpThreads } = layout;
  const concurrency = settings.CONCURRENCY ?? Math.max(leastJobs, streams * layout.maxBatch * jobsPerImage);
  const slots = new CropSlots(concurrency, manifest.preprocess.crop);
  const pool = await StreamPool.start({
    settings: {
      ...shape,
      file: tuning.file,
      provider,
      intraOpThreads,
      maxBatch: layout.maxBatch,
      head: 'reason' in head ? undefined : head,
      slots: slots.buffer,
      tensors: slots.tensors,
    },
    streams,
    solo: choice?.solo && { intraOpThreads: choice.solo.intraOpThreads, isAlone: () => slots.held <= 1 },
    onRestart: (reason) => {
      logger.error({ reason }, 'inference stream restarts');
      options.onRestart();
    },
    runLimitMs: settings.INFERENCE_TIMEOUT_SECONDS && settings.INFERENCE_TIMEOUT_SECONDS * 1000,
    onFatal: options.onFatal,
  });
  const latencyMs = choice?.latencyMs ?? new Map(Object.entries(pool.warmUpMs).map(([size, ms]) => [Number(size), ms]));
  const classifier = new Classifier({
    pool,
    latencyMs,
    labels,
    outputs: manifest.outputs,
    onBatch: options.onBatch,
  });
  const { maxBatch } = pool;
  const unexplained = 'reason' in head ? head.reason : pool.unexplained;
  if (unexplained !== undefined) {
    logger.info({ reason: unexplained }, `what this model answers cannot be explained: ${unexplained}`);
  }
  logger.info(
    {
      provider,
      streams,
      intra_op_threads: intraOpThreads,
      max_batch_size: maxBatch,
      ...(choice?.solo && { solo_threads: choice.solo.intraOpThreads, solo_latency_ms: round(choice.solo.latencyMs) }),
      concurrency,
      profile: tuning.source,
      ...(choice && { images_per_second: round(choice.imagesPerSecond) }),
      latency_ms: Object.fromEntries([...latencyMs].map(([size, ms]) => [size, round(ms)])),
    },
    `model ready: ${choice === undefined ? describeLayout(layout, maxBatch) : describeChoice(choice, maxBatch, settings.OPTIMIZE)}`,
  );
  return {
    classifier,
    slots,
    pool,
    provider,
    layout,
    choice,
    rows: tuning.rows,
    latencyMs,
    tensors: pool.names && describeTensors(pool.names, manifest.preprocess, labels.length),
    explains: unexplained === undefined,
    measureLater: tuning.isDue ? (signal) => measureNow({ ...tuneOptions, signal }, settings.OPTIMIZE) : undefined,
  };
}

/** Measures, and says what the next start makes of it; false where it remains to be done. */
async function measureNow(options: TuneOptions, objective: Objective): Promise<boolean> {
  const { rows, isDue } = await tune({ ...options, profile: 'auto' });
  if (rows.length > 0) {
    const choice = choose(rows, objective, options.fixed);
    options.logger.info(
      { images_per_second: round(choice.imagesPerSecond) },
      `measured while idle: from its next start this worker runs with ${describeChoice(choice, choice.maxBatch, objective)}`,
    );
  }
  return !isDue;
}

/** Rows are batched by this worker, whatever number of them the file itself takes at a time. */
function describeTensors(
  { input, output }: TensorNames,
  { crop, layout }: InputSpec,
  classes: number,
): WorkerPresence['tensors'] {
  const row = layout === 'NCHW' ? [3, crop, crop] : [crop, crop, 3];
  return { input: { name: input, shape: [-1, ...row] }, output: { name: output, shape: [-1, classes] } };
}

function describeLayout(layout: Layout, maxBatch: number): string {
  return `${layoutText(layout)}, batches of up to ${maxBatch}`;
}

function describeChoice(choice: Choice, maxBatch: number, objective: Objective): string {
  const { imagesPerSecond, solo } = choice;
  const alone = solo === undefined ? '' : `; a picture that is alone runs in ${solo.intraOpThreads} threads`;
  return `${describeLayout(choice, maxBatch)}, best for ${objective} at ${imagesPerSecond.toFixed(1)} images/s${alone}`;
}

const round = (value: number): number => Math.round(value * 100) / 100;
