/**
 * Composition root of `npm run models -- compare`: reads the environment, gets the models, starts what a worker would run
 * them on, and prints what came out. scripts/models.mjs builds and calls it.
 *
 * The answer goes to standard output; notices, progress and skipped pictures to standard error.
 */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { argv, env, stderr, stdout } from 'node:process';
import { obtainModel, type Model } from '@quintet/models';
import { availableCores, readConfig, workerVariables, type ConfigOf } from '@quintet/shared';
import {
  bundledBackends,
  detectHardware,
  disableTelemetry,
  providerAdvice,
  providersToTry,
} from '../inference/hardware.js';
import type { Provider } from '../inference/thread-protocol.js';
import { defaultLayout, type Layout } from '../profile/layouts.js';
import { CommandError, runCommand } from './command-line.js';
import { parseCompareArguments } from './compare-arguments.js';
import { compareModels } from './compare-models.js';
import { CropWindow } from './crop-window.js';
import { ModelStreams } from './model-streams.js';
import { listPictures } from './picture-folder.js';
import { makeReport, reportLines, type Report } from './report.js';

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
export type Settings = ConfigOf<typeof variables>;

/** The environment of a command that runs models, and where they are. Throws ConfigError. */
export function readSettings(): { readonly settings: Settings; readonly modelsDir: string } {
  const settings = readConfig(variables, env);
  return { settings, modelsDir: resolve(settings.MODELS_DIR ?? join(settings.DATA_DIR, 'models')) };
}

interface Running {
  readonly streams: readonly [ModelStreams, ModelStreams];
  readonly provider: Provider;
  readonly layout: Layout;
}

/** Two models over `files` of `folder`. Rejects with CommandError where none of them can be read or a model cannot run. */
export async function compareFiles(
  models: readonly [Model, Model],
  files: readonly string[],
  folder: string,
  config: Settings,
  signal: AbortSignal,
): Promise<Report> {
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
        throw new CommandError(`none of the ${files.length} files in ${folder} can be read.`);
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
  { config, cores }: { config: Settings; cores: number },
): Promise<Running> {
  let reason = new CommandError('there is no execution provider to try.');
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
      reason = new CommandError(`${providerAdvice(provider)}: ${problem}`, { cause: error });
    }
  }
  throw reason;
}

function assertSameClasses([a, b]: readonly [Model, Model]): void {
  const classesOf = ({ labels }: Model): string => labels.map(({ wnid, label }) => wnid || label).join('\n');
  if (classesOf(a) === classesOf(b)) return;
  const count = ({ manifest, labels }: Model): string => `${manifest.name} has ${labels.length}`;
  throw new CommandError(
    `the models tell different classes apart (${count(a)}, ${count(b)}): agreement needs the same labels in the same order.`,
  );
}

/** Reads the command line, runs the command and sets the exit code. */
export function main(): Promise<void> {
  return runCommand('compare', async (signal) => {
    const { a, b, images, limit, json } = parseCompareArguments(argv.slice(3));
    const { settings, modelsDir } = readSettings();
    const folder = resolve(images);
    const files = await listPictures('compare', folder, limit);
    if (files.length === 0) throw new CommandError(`there are no files in ${folder}.`);
    const obtain = (name: string) =>
      obtainModel(name, { modelsDir, baseUrl: settings.MODEL_BASE_URL, signal, err: stderr });
    const models = [await obtain(a), await obtain(b)] as const;
    assertSameClasses(models);
    const report = await compareFiles(models, files, folder, settings, signal);
    stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : `${reportLines(report).join('\n')}\n`);
  });
}
