import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { catalogue, entryOfFile, findCatalogueEntry } from './catalogue.js';
import { ensureModel } from './ensure-model.js';
import { ModelError, throwIfAborted, reasonOf } from './errors.js';
import { sha256File } from './hash.js';
import { importCheckpoint } from './import/import-checkpoint.js';
import { assertNoModel, listModelFolders, writeOwnModel } from './install.js';
import {
  assertModelName,
  IMAGENET_LABELS_PATH,
  loadModel,
  readClassNames,
  readLabels,
  type Label,
  type Manifest,
  type Model,
} from './load-model.js';
import { defaultProgress, formatBytes, type Log } from './progress.js';

export interface CliContext {
  readonly modelsDir: string;
  readonly baseUrl: string | undefined;
  readonly signal: AbortSignal;
  /** Writes a line of the answer. */
  readonly out: (line: string) => void;
  /** Notices, errors and the progress bar. */
  readonly err: NodeJS.WriteStream | { readonly isTTY?: boolean; write(text: string): unknown };
}

export const USAGE = `Usage: npm run models -- <command>

  list            every model of the catalogue and of the models directory: size, weights, whether it is here
  fetch NAME      download, convert or generate a model, verify it, and put it in place; continues what was broken off
  verify [NAME]   read the model NAME, or all that are here, and compare their SHA-256 with their manifests
  demo [NAME]     generate resnet50-demo, the ResNet-50 graph with weights that mean nothing, or resnet50-demo-int8
  import FILE --name NAME [--labels FILE] [--arch ARCH]
                  make the model NAME of a PyTorch checkpoint (.pth, .pt, .safetensors, or a wheel or ZIP with one), which
                  is read without executing anything; --labels: its classes, one name a line or labels.tsv (without it,
                  1000 classes are ImageNet's); --arch: refuse every network but this one
  compare A B --images DIR [--limit N] [--json]
                  run two models, fetched first where they are not here, over the pictures of a folder: how often they
                  agree, how much faster B is, and, where files are named like ImageNet's (n01440764_tench.JPEG), how
                  often each is right; --limit takes the first N files only
  quantize NAME --images DIR [--limit N] [--method minmax|percentile|entropy] [--narrow]
                  make NAME-int8 of a float32 model: ranges are measured over the pictures of a folder, which should be
                  like those that the model will see; ends with compare's table of the two; --narrow keeps weights to
                  7 bits, which no CPU saturates
  quantize NAME --ranges FILE [--images DIR] [--narrow]
                  make the same again of ranges that were measured before (ranges.json of NAME-int8)
  help, --help    this text

Environment:
  MODELS_DIR      the models directory (default <DATA_DIR>/models)
  DATA_DIR        default .quintet in the current folder
  MODEL_BASE_URL  a mirror that is asked first: https://host/folder or file:///folder, holding the files by name
  and for compare and quantize those of a worker that concern execution and pictures: docs/configuration.md

Exit codes: 0 done; 1 a model could not be had, is damaged, is not there or cannot be imported or quantised, or no picture can
be read; 2 wrong usage; 130 stopped by Ctrl-C.`;

/** Runs one command and returns the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const [command, ...rest] = args;
  try {
    if (args.some((arg) => arg === '--help' || arg === '-h') || command === 'help') {
      context.out(USAGE);
      return 0;
    }
    const [name, ...extra] = rest;
    if (command === 'list' && rest.length === 0) return await list(context);
    if (command === 'fetch' && name !== undefined && extra.length === 0) return await fetchModel(name, context);
    if (command === 'verify' && extra.length === 0) return await verify(name, context);
    if (command === 'demo' && (rest.length === 0 || isGenerated(rest))) {
      return await fetchModel(name ?? 'resnet50-demo', context);
    }
    const wanted = command === 'import' ? parseImport(rest) : undefined;
    if (typeof wanted === 'object') return await runImport(wanted, context);
    context.err.write(`${wanted ?? usageProblem(command, rest)}\n\n${USAGE}\n`);
    return 2;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    context.err.write(`error ${error.code}: ${error.message}\n`);
    return ['model_name_invalid', 'architecture_unknown'].includes(error.code) ? 2 : 1;
  }
}

/** Whether the arguments are the name of one generated model. */
function isGenerated([name, ...extra]: readonly string[]): boolean {
  return name !== undefined && extra.length === 0 && findCatalogueEntry(name)?.generate !== undefined;
}

function usageProblem(command: string | undefined, rest: readonly string[]): string {
  if (command === undefined) return 'A command is missing.';
  if (!['list', 'fetch', 'verify', 'demo'].includes(command)) return `There is no command ${JSON.stringify(command)}.`;
  if (command === 'demo' && rest.length === 1) {
    const names = catalogue.filter((entry) => entry.generate !== undefined).map((entry) => entry.name);
    return `demo: ${JSON.stringify(rest[0])} is not generated; ${names.join(' and ')} are.`;
  }
  return rest.length === 0 ? `${command}: the name of a model is missing.` : `${command}: too many arguments.`;
}

/** The model, fetched first where it is not here, with notices and a progress bar for a terminal. Throws ModelError. */
export function obtainModel(name: string, context: Omit<CliContext, 'out'>): Promise<Model> {
  const { modelsDir, baseUrl, signal, err } = context;
  const log: Log = (level, message) => err.write(level === 'warn' ? `warning: ${message}\n` : `${message}\n`);
  return ensureModel({ name, modelsDir, baseUrl, signal, log, progress: defaultProgress(log, err) });
}

async function fetchModel(name: string, context: CliContext): Promise<number> {
  const { manifest, dir, labels } = await obtainModel(name, context);
  context.out(`${manifest.name} ${manifest.version} (${manifest.weights}, ${labels.length} classes) is in ${dir}`);
  return 0;
}

async function verify(name: string | undefined, { modelsDir, signal, out }: CliContext): Promise<number> {
  if (name !== undefined) assertModelName(name);
  const names = name === undefined ? await listModelFolders(modelsDir) : [name];
  if (names.length === 0) out(`There are no models in ${modelsDir}.`);
  let bad = 0;
  for (const each of names) {
    try {
      const { manifest } = await loadModel(join(modelsDir, each), signal);
      out(`ok   ${each}  ${manifest.version}${fileNote(manifest)}`);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      bad += 1;
      out(`BAD  ${each}  ${error.code}: ${error.message}`);
    }
  }
  return bad === 0 ? 0 : 1;
}

/** What is to be known of a folder that has the name of a catalogue entry and another file. */
function fileNote(manifest: Manifest): string {
  const entry = findCatalogueEntry(manifest.name);
  const found = entryOfFile(manifest, catalogue);
  if (entry?.sha256 === undefined || entry === found) return '';
  return found === undefined ? ' (not the file of the catalogue)' : ` (the file of ${found.name})`;
}

async function list({ modelsDir, signal, out }: CliContext): Promise<number> {
  const folders = await listModelFolders(modelsDir);
  const rows: string[][] = [['NAME', 'SIZE', 'WEIGHTS', 'PRESENT', 'DESCRIPTION']];
  for (const entry of catalogue) {
    const size = entry.bytes === undefined ? 'generated' : formatBytes(entry.bytes);
    const present = folders.includes(entry.name) ? 'yes' : 'no';
    rows.push([entry.name, size, entry.weights, present, entry.description]);
  }
  for (const folder of folders.filter((each) => findCatalogueEntry(each) === undefined)) {
    rows.push(await ownModelRow(join(modelsDir, folder), folder, signal));
  }
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows) {
    out(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
  out(`\nModels directory: ${modelsDir}`);
  return 0;
}

async function ownModelRow(dir: string, folder: string, signal: AbortSignal): Promise<string[]> {
  try {
    const { manifest, modelPath } = await loadModel(dir, signal);
    const { size } = await stat(modelPath);
    return [folder, formatBytes(size), manifest.weights, 'yes', manifest.description || '(your own)'];
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return [folder, '-', '-', 'damaged', `${error.code} (npm run models -- verify ${folder})`];
  }
}

/** `npm run models -- import`: from a checkpoint to a model folder. */
interface ImportArguments {
  readonly file: string;
  readonly name: string;
  readonly labels: string | undefined;
  readonly arch: string | undefined;
}

/** What the arguments ask for, or the sentence that says what is wrong with them. */
export function parseImport(args: readonly string[]): ImportArguments | string {
  try {
    const option = { type: 'string' } as const;
    const options = { name: option, labels: option, arch: option };
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [file, ...others] = positionals;
    if (file === undefined) return 'import: the file is missing.';
    if (others.length > 0) return `import: one file at a time, not ${positionals.join(', ')}.`;
    if (values.name === undefined) return 'import: --name is missing, under which the model will be served.';
    return { file, name: values.name, labels: values.labels, arch: values.arch };
  } catch (error) {
    return `import: ${reasonOf(error)}`;
  }
}

/** Rejects with ModelError. */
async function runImport({ file, name, labels, arch }: ImportArguments, context: CliContext): Promise<number> {
  const { modelsDir, signal, out } = context;
  await assertNoModel(modelsDir, name);
  // A wrong labels file is said before a minute of work.
  const given = labels === undefined ? undefined : await readClassNames(labels);
  try {
    const { model, architecture, classes, preprocess } = await importCheckpoint(file, { architecture: arch, signal });
    const made = await writeOwnModel({
      modelsDir,
      model,
      labels: await labelsFor(classes, given, labels),
      manifest: {
        ...{ name, weights: 'pretrained', classes, preprocess, outputs: 'logits' },
        description: `${architecture}, imported from ${basename(file)}`.slice(0, 1000),
        source: `${basename(file)}, sha256 ${await sha256File(file, signal)}`.slice(0, 2000),
      },
      signal,
    });
    const { resize, crop, interpolation } = preprocess;
    out(`${name} ${made.manifest.version} (${architecture}, ${classes} classes) is in ${made.dir}`);
    out(
      `Pictures are resized to ${resize} (${interpolation}) and cropped to ${crop}, as for ${architecture} on ImageNet.`,
    );
    out('Where it was trained with other numbers, put those into its manifest.json.');
    if (given === undefined)
      out(`Its ${classes} classes are taken for ImageNet's; if they are others, import with --labels.`);
    return 0;
  } catch (error) {
    throwIfAborted(signal, name);
    throw error;
  }
}

async function labelsFor(classes: number, given: readonly Label[] | undefined, path = ''): Promise<readonly Label[]> {
  if (given === undefined) {
    const imagenet = await readLabels(IMAGENET_LABELS_PATH);
    if (classes === imagenet.length) return imagenet;
    throw new ModelError(
      'labels_invalid',
      `The network has ${classes} classes, and nothing says what they are. Write their names into a file, one a line, in the order ` +
        `of the outputs (dataset.classes of torchvision's ImageFolder), and name it: --labels FILE`,
    );
  }
  if (given.length === classes) return given;
  const problem = `${path} has ${given.length} labels, the network has ${classes} classes`;
  throw new ModelError(
    'labels_invalid',
    `${problem}. Correct the file: one class a line, in the order of the outputs.`,
  );
}
