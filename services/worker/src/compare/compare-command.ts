/**
 * Composition root of `npm run models -- compare`: reads the environment, gets the models, starts what a worker would run
 * them on, and prints what came out. scripts/models.mjs builds and calls it.
 *
 * The answer goes to standard output; notices, progress and skipped pictures to standard error.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { argv, stderr, stdout } from 'node:process';
import { obtainModel, type Model } from '@quintet/models';
import { availableCores } from '@quintet/shared';
import {
  bundledBackends,
  detectHardware,
  disableTelemetry,
  onFirstProvider,
  providersToTry,
} from '../inference/hardware.js';
import type { Provider } from '../inference/thread-protocol.js';
import { defaultLayout, type Layout } from '../profile/layouts.js';
import {
  limitOf,
  listPictures,
  parseFor,
  runCommand,
  UsageError,
  readSettings,
  type Settings,
} from './command-line.js';
import { compareModels } from './compare-models.js';
import { CropWindow } from './crop-window.js';
import { ModelStreams } from './model-streams.js';
import { makeReport, reportLines, type Report } from './report.js';

/** Pictures whose crops are in memory at once: 150 KB each. */
const leastWindow = 64;

interface Running {
  readonly streams: readonly [ModelStreams, ModelStreams];
  readonly provider: Provider;
  readonly layout: Layout;
}

/** Two models over `files` of `folder`. Rejects where none of them can be read or a model cannot run. */
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
    const { streams, provider, layout } = await onFirstProvider(providers, (each) =>
      startBoth(each, layoutOf(each), models, window, config),
    );
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
      if (comparison === undefined) throw new Error(`none of the ${files.length} files in ${folder} can be read.`);
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

/** Both models on `provider`. Rejects with the reason where one of them does not run. */
async function startBoth(
  provider: Provider,
  layout: Layout,
  [a, b]: readonly [Model, Model],
  { slots }: CropWindow,
  settings: Settings,
): Promise<Running> {
  const common = { provider, layout, cores: availableCores(), settings };
  const first = await ModelStreams.start({ ...common, model: a, slots: slots[0] });
  try {
    const second = await ModelStreams.start({ ...common, model: b, slots: slots[1] });
    return { streams: [first, second], provider, layout };
  } catch (error) {
    await first.stop();
    throw error;
  }
}

function assertSameClasses([a, b]: readonly [Model, Model]): void {
  const classesOf = ({ labels }: Model): string => labels.map(({ wnid, label }) => wnid || label).join('\n');
  if (classesOf(a) === classesOf(b)) return;
  const count = ({ manifest, labels }: Model): string => `${manifest.name} has ${labels.length}`;
  throw new Error(
    `the models tell different classes apart (${count(a)}, ${count(b)}): agreement needs the same labels in the same order.`,
  );
}

interface CompareArguments {
  /** Names of the two models. */
  readonly a: string;
  readonly b: string;
  /** A folder of pictures. */
  readonly images: string;
  /** Take so many files only; all where absent. */
  readonly limit: number | undefined;
  readonly json: boolean;
}

/** `args`: what stands behind `compare`. Throws UsageError. */
export function parseCompareArguments(args: readonly string[]): CompareArguments {
  const options = {
    images: { type: 'string' },
    limit: { type: 'string' },
    json: { type: 'boolean', default: false },
  } as const;
  const { values, positionals } = parseFor('compare', args, options, 2);
  const [a, b] = positionals;
  if (a === undefined || b === undefined) throw new UsageError('compare: the names of two models are missing.');
  if (values.images === undefined || values.images === '') {
    throw new UsageError('compare: --images DIR is missing, the folder of the pictures.');
  }
  return { a, b, images: values.images, limit: limitOf('compare', values.limit), json: values.json };
}

/** Reads the command line, runs the command and sets the exit code. */
export function main(): Promise<void> {
  return runCommand('compare', async (signal) => {
    const { a, b, images, limit, json } = parseCompareArguments(argv.slice(3));
    const { settings, modelsDir } = readSettings();
    const folder = resolve(images);
    const files = await listPictures('compare', folder, limit);
    if (files.length === 0) throw new Error(`there are no files in ${folder}.`);
    const obtain = (name: string) =>
      obtainModel(name, { modelsDir, baseUrl: settings.MODEL_BASE_URL, signal, err: stderr });
    const models = [await obtain(a), await obtain(b)] as const;
    assertSameClasses(models);
    const report = await compareFiles(models, files, folder, settings, signal);
    stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : `${reportLines(report).join('\n')}\n`);
  });
}
