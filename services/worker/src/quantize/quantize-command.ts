/**
 * Composition root of `npm run models -- quantize`: a float32 model becomes `<name>-int8`. Measures the ranges of its tensors over
 * pictures, quantises, puts the new model into the models directory with the ranges beside it, and compares the two.
 * scripts/models.mjs builds and calls it.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { argv, stderr, stdout } from 'node:process';
import {
  assertNoModel,
  obtainModel,
  quantizeModel,
  readModel,
  readRanges,
  tensorsToMeasure,
  writeOwnModel,
  writeRanges,
  type Model,
  type OnnxModel,
} from '@quintet/models';
import { availableCores } from '@quintet/shared';
import {
  limitOf,
  listPictures,
  parseFor,
  runCommand,
  UsageError,
  readSettings,
  type Settings,
} from '../compare/command-line.js';
import { compareFiles } from '../compare/compare-command.js';
import { reportLines } from '../compare/report.js';
import { disableTelemetry } from '../inference/hardware.js';
import { inputRange, measureRanges } from './measure-ranges.js';
import { calibrationMethods, type CalibrationMethod } from './value-histogram.js';

/** Beside the model's own files. */
const RANGES_FILE = 'ranges.json';

/** The pictures of `--images`. */
interface Pictures {
  readonly folder: string;
  readonly files: readonly string[];
}

interface QuantizeArguments {
  /** The float32 model's name. */
  readonly name: string;
  /** A folder of pictures: to measure ranges over, unless `ranges` has them, and to compare the two models on. */
  readonly images: string | undefined;
  /** A file of ranges that were measured before. */
  readonly ranges: string | undefined;
  /** Take so many files only; all where absent. */
  readonly limit: number | undefined;
  readonly method: CalibrationMethod;
  readonly narrow: boolean;
}

/** `args`: what stands behind `quantize`. Throws UsageError. */
export function parseQuantizeArguments(args: readonly string[]): QuantizeArguments {
  const options = {
    images: { type: 'string' },
    ranges: { type: 'string' },
    limit: { type: 'string' },
    method: { type: 'string' },
    narrow: { type: 'boolean', default: false },
  } as const;
  const { values, positionals } = parseFor('quantize', args, options, 1);
  const [name] = positionals;
  if (name === undefined) throw new UsageError('quantize: the name of a model is missing.');
  const [images, ranges] = [values.images || undefined, values.ranges || undefined];
  if (images === undefined && ranges === undefined) {
    throw new UsageError('quantize: --images DIR is missing, a folder of pictures like those that the model will see.');
  }
  if (ranges !== undefined && values.method !== undefined) {
    throw new UsageError('quantize: --method says how ranges are measured, and --ranges has them already: give one.');
  }
  const method = calibrationMethods.find((each) => each === (values.method ?? 'minmax'));
  if (method === undefined) {
    const given = JSON.stringify(values.method);
    throw new UsageError(`quantize: --method ${given} is not one of ${calibrationMethods.join(', ')}.`);
  }
  return { name, images, ranges, limit: limitOf('quantize', values.limit), method, narrow: values.narrow };
}

/** Reads the command line, runs the command and sets the exit code. */
export function main(): Promise<void> {
  return runCommand('quantize', (signal) => quantize(parseQuantizeArguments(argv.slice(3)), signal));
}

async function quantize(args: QuantizeArguments, signal: AbortSignal): Promise<void> {
  const { settings, modelsDir } = readSettings();
  const target = `${args.name}-int8`;
  await assertNoModel(modelsDir, target);
  const pictures = args.images === undefined ? undefined : await picturesOf(args.images, args.limit);
  const model = await obtainModel(args.name, { modelsDir, baseUrl: settings.MODEL_BASE_URL, signal, err: stderr });
  const graph = await orReason(args.name, async () => readModel(await readFile(model.modelPath)));
  const text =
    args.ranges === undefined
      ? await measure(model, graph, pictures, args, settings, signal)
      : await readFile(args.ranges, 'utf8');
  const quantized = await orReason(args.ranges ?? args.name, () => {
    const { file, ranges } = readRanges(text);
    if (`sha256:${file.model}` !== model.manifest.version) {
      throw new TypeError(
        `they belong to the file sha256:${file.model}, and ${args.name} is ${model.manifest.version}`,
      );
    }
    return quantizeModel(graph, { ranges, narrow: args.narrow });
  });
  const { description, source, ...manifest } = model.manifest;
  const made = await writeOwnModel({
    modelsDir,
    manifest: {
      ...manifest,
      name: target,
      description: `${description || args.name}, int8`.slice(0, 1000),
      source:
        `quantised from ${args.name} ${model.manifest.version}${source === undefined ? '' : ` (${source})`}`.slice(
          0,
          2000,
        ),
    },
    model: quantized,
    labels: model.labels,
    files: { [RANGES_FILE]: text },
    signal,
  });
  stdout.write(`${target} ${made.manifest.version} is in ${made.dir}\n`);
  if (pictures === undefined) return;
  const report = await compareFiles([model, made], pictures.files, pictures.folder, settings, signal);
  stdout.write(`\n${reportLines(report).join('\n')}\n`);
}

async function picturesOf(images: string, limit: number | undefined): Promise<Pictures> {
  const folder = resolve(images);
  const files = await listPictures('quantize', folder, limit);
  if (files.length === 0) throw new Error(`there are no files in ${folder}.`);
  return { folder, files };
}

/** The text of the file of ranges. */
async function measure(
  model: Model,
  graph: OnnxModel,
  pictures: Pictures | undefined,
  { name, method }: QuantizeArguments,
  settings: Settings,
  signal: AbortSignal,
): Promise<string> {
  if (pictures === undefined) throw new Error('there are no pictures to measure ranges over.');
  const { folder, files } = pictures;
  const needed = await orReason(name, () => tensorsToMeasure(graph));
  const inputs = new Set(graph.inputs.map((input) => input.name));
  disableTelemetry();
  const tensors = needed.filter((each) => !inputs.has(each));
  stderr.write(`Measuring the ranges of ${tensors.length} tensors of ${name} over ${files.length} pictures …\n`);
  const measured = await measureRanges({
    model,
    tensors,
    method,
    folder,
    files,
    cores: availableCores(),
    maxPixels: settings.MAX_IMAGE_PIXELS,
    timeoutMs: settings.DECODE_TIMEOUT_SECONDS * 1000,
    signal,
    onSkip: ({ file, reason }) => stderr.write(`skipped ${file}: ${reason}\n`),
    onProgress: (count) => {
      if (count % 100 === 0) stderr.write(`${count} of ${files.length}\n`);
    },
  });
  if (measured.pictures === 0) throw new Error(`none of the ${files.length} files in ${folder} can be read.`);
  const ranges = new Map(measured.ranges);
  for (const each of needed) if (inputs.has(each)) ranges.set(each, inputRange(model.manifest.preprocess));
  const sha256 = model.manifest.version.slice('sha256:'.length);
  return writeRanges({ model: sha256, method, pictures: measured.pictures }, ranges);
}

/** Says of which model or file it is that something cannot be. */
async function orReason<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new Error(`${what} cannot be used: ${error.message}.`, { cause: error });
    }
    throw error;
  }
}
