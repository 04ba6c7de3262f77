/**
 * Composition root of `npm run models -- compare`: reads the environment, gets the models, starts what a worker would run
 * them on, and prints what came out. scripts/models.mjs builds and calls it.
 *
 * The answer goes to standard output; notices, progress and skipped pictures to standard error. A first Ctrl-C ends with
 * 130 as soon as the pictures under way are done, a second one at once.
 */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { argv, env, stderr, stdout } from 'node:process';
import { ModelError, USAGE, obtainModel, type Model } from '@quintet/models';
import { ConfigError, availableCores, endNow, readConfig, workerVariables, type ConfigOf } from '@quintet/shared';
import { bundledBackends, disableTelemetry } from '../inference/onnx-runtime.js';
import { detectHardware, providerAdvice, providersToTry } from '../inference/provider.js';
import type { Provider } from '../inference/thread-protocol.js';
import { defaultLayout } from '../profile/candidates.js';
import type { Layout } from '../profile/profile.js';
import { UsageError, parseCompareArguments } from './compare-arguments.js';
import { compareModels } from './compare-models.js';
import { CropWindow } from './crop-window.js';
import { ModelStreams } from './model-streams.js';
import { listPictures } from './picture-folder.js';
import { makeReport, reportLines } from './report.js';

/** Pictures whose crops are in memory at once: 150 KB each. */
const leastWindow = 64;

const variables = {
  DATA_DIR: workerVariables.DATA_DIR,
  MODELS_DIR: workerVariables.MODELS_DIR,
  MODEL_BASE_URL: workerVariables.MODEL_BASE_URL,
  EXECUTION_PROVIDER: workerVariables.EXECUTION_PROVIDER,
  INFERENCE_STREAMS: workerVariables.INFERENCE_STREAMS,
  INTRA_OP_THREADS: workerVariables.INTRA_OP_THREADS,
  INT8_ARITHMETIC: workerVariables.INT8_ARITHMETIC,
  MAX_IMAGE_PIXELS: workerVariables.MAX_IMAGE_PIXELS,
  DECODE_TIMEOUT_SECONDS: workerVariables.DECODE_TIMEOUT_SECONDS,
};
type Config = ConfigOf<typeof variables>;

/** Two models that cannot be compared, or no picture to compare them on. */
class CompareError extends Error {
  override readonly name = 'CompareError';
}

interface Running {
  readonly streams: readonly [ModelStreams, ModelStreams];
  readonly provider: Provider;
  readonly layout: Layout;
}

/** Runs the command with the arguments behind `compare` and returns the exit code. */
export async function runCompare(args: readonly string[], signal: AbortSignal): Promise<number> {
  try {
    const { a, b, images, limit, json } = parseCompareArguments(args);
    const config = readConfig(variables, env);
    const folder = resolve(images);
    const files = await listPictures(folder, limit);
    if (files.length === 0) throw new CompareError(`there are no files in ${folder}.`);
    const modelsDir = resolve(config.MODELS_DIR ?? join(config.DATA_DIR, 'models'));
    const obtain = (name: string) =>
      obtainModel(name, { modelsDir, baseUrl: config.MODEL_BASE_URL, signal, err: stderr });
    const models = [await obtain(a), await obtain(b)] as const;
    assertSameClasses(models);
    const report = await compareFiles(models, files, folder, config, signal);
    stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : `${reportLines(report).join('\n')}\n`);
    return 0;
  } catch (error) {
    if (signal.aborted) return 130;
    if (error instanceof UsageError) stderr.write(`${error.message}\n\n${USAGE}\n`);
    else if (error instanceof ModelError) stderr.write(`error ${error.code}: ${error.message}\n`);
    else if (error instanceof Error) stderr.write(`compare: ${error.message}\n`);
    else throw error;
    const isUsage = error instanceof UsageError || error instanceof ConfigError;
    return isUsage || (error instanceof ModelError && error.code === 'model_name_invalid') ? 2 : 1;
  }
}

async function compareFiles(
  models: readonly [Model, Model],
  files: readonly string[],
  folder: string,
  config: Config,
  signal: AbortSignal,
) {
  disableTelemetry();
  const cores = availableCores();
  const providers = providersToTry(config.EXECUTION_PROVIDER, detectHardware(await bundledBackends()));
  const layoutOf = (provider: Provider): Layout =>
    defaultLayout(provider, cores, { streams: config.INFERENCE_STREAMS, intraOpThreads: config.INTRA_OP_THREADS });
  // Whole rounds, so that only the last window has one that is not full.
  const most = Math.max(...providers.map((provider) => layoutOf(provider).streams));
  const windowSize = Math.ceil(leastWindow / most) * most;
  const window = await CropWindow.start({
    models,
    folder,
    size: windowSize,
    cores,
    maxPixels: config.MAX_IMAGE_PIXELS,
    timeoutMs: config.DECODE_TIMEOUT_SECONDS * 1000,
  });
  try {
    const { streams, provider, layout } = await startOnFirst(providers, layoutOf, models, window, { config, cores });
    try {
      const comparison = await compareModels({
        models,
        streams,
        streamCount: layout.streams,
        window,
        windowSize,
        files,
        signal,
        onSkip: ({ file, reason }) => stderr.write(`skipped ${file}: ${reason}\n`),
      });
      if (comparison === undefined)
        throw new CompareError(`none of the ${files.length} files in ${folder} can be read.`);
      const bytes = [(await stat(models[0].modelPath)).size, (await stat(models[1].modelPath)).size] as const;
      return makeReport({
        models,
        bytes,
        comparison,
        device: provider,
        layout,
        int8Arithmetic: config.INT8_ARITHMETIC,
      });
    } finally {
      await Promise.all(streams.map((each) => each.stop()));
    }
  } finally {
    await window.close();
  }
}

/** Both models on the first provider that runs them. Throws the last one's reason, with advice. */
async function startOnFirst(
  providers: readonly Provider[],
  layoutOf: (provider: Provider) => Layout,
  models: readonly [Model, Model],
  { slots }: CropWindow,
  { config, cores }: { config: Config; cores: number },
): Promise<Running> {
  let reason = new CompareError('there is no execution provider to try.');
  for (const provider of providers) {
    const { streams, intraOpThreads } = layoutOf(provider);
    const layout = { streams, intraOpThreads };
    const common = { provider, layout, cores, settings: config };
    const started: ModelStreams[] = [];
    try {
      const a = await ModelStreams.start({ ...common, model: models[0], slots: slots[0] });
      started.push(a);
      const b = await ModelStreams.start({ ...common, model: models[1], slots: slots[1] });
      return { streams: [a, b], provider, layout };
    } catch (error) {
      await Promise.all(started.map((each) => each.stop()));
      const problem = error instanceof Error ? error.message : String(error);
      reason = new CompareError(`${providerAdvice(provider)}: ${problem}`, { cause: error });
    }
  }
  throw reason;
}

function assertSameClasses([a, b]: readonly [Model, Model]): void {
  const classesOf = ({ labels }: Model): string => labels.map(({ wnid, label }) => wnid || label).join('\n');
  if (classesOf(a) === classesOf(b)) return;
  const count = ({ manifest, labels }: Model): string => `${manifest.name} has ${labels.length}`;
  throw new CompareError(
    `the models tell different classes apart (${count(a)}, ${count(b)}): agreement needs the same labels in the same order.`,
  );
}

/** Reads the command line, handles Ctrl-C and sets the exit code. */
export async function main(): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => {
    stop.abort(new Error('stopped by Ctrl-C'));
    process.once('SIGINT', () => endNow('SIGINT'));
  });
  process.exitCode = await runCompare(argv.slice(3), stop.signal);
}
