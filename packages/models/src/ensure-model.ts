/*
 * From a name to a model that can be loaded.
 *
 * States of `<modelsDir>/<name>`: absent, present (loads and verifies), damaged (ours, and does not), foreign (somebody
 * put it there). Transitions: absent or damaged → present, under the lock, by one rename of a complete folder. A foreign
 * folder is used if it loads and is an error if not: nothing here deletes what it did not write.
 * Invariant: only a folder whose bytes were verified in this call is returned.
 * Trade-off: verifying costs 0.1–0.3 s for 100 MB at each start, and finds a rotten disk before a user does.
 */
import { mkdir, readFile, readdir, rmdir, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  catalogue as standardCatalogue,
  entryOfFile,
  findCatalogueEntry,
  isFileOf,
  sourcesOf,
  type CatalogueEntry,
} from './catalogue.js';
import { DEFAULT_TIMING, download, type TransferTiming } from './download.js';
import { ModelError, throwIfAborted, writeError } from './errors.js';
import { install, listModelFolders, stagingDir, stagingFor, writeModel, type MadeModel } from './install.js';
import { assertModelName, loadModel, MANIFEST_FILE, type Model } from './load-model.js';
import { acquireLock } from './lock.js';
import { weightBytes } from './onnx/encode.js';
import { formatBytes, logProgress, type Log, type ProgressSink } from './progress.js';

export interface EnsureModelOptions {
  readonly name: string;
  /** Model repository: one folder for each model. Made if it is absent. */
  readonly modelsDir: string;
  /** MODEL_BASE_URL: a mirror that is asked before the public sources. */
  readonly baseUrl?: string | undefined;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Defaults to log lines; see defaultProgress for a bar on a terminal. */
  readonly progress?: ProgressSink | undefined;
  readonly catalogue?: readonly CatalogueEntry[] | undefined;
  readonly timing?: Partial<TransferTiming> | undefined;
}

/**
 * Returns the model: loaded if it is there, else downloaded (and converted) or generated, verified and moved into place. Any
 * number of processes may ask at once; one does the work, the others wait and say so.
 * Throws ModelError; `model_unreachable` is the only code that another model would cure.
 */
export async function ensureModel(options: EnsureModelOptions): Promise<Model> {
  assertModelName(options.name);
  return (await presentModel(options)) ?? acquireModel(options);
}

/** The model if it is there and good, undefined if it is to be had anew. Throws ModelError where somebody must look. */
export function presentModel(options: EnsureModelOptions): Promise<Model | undefined> {
  return asModelError(options, () => loadPresent(options));
}

/** Gets a model that is not there: of the catalogue, from `sources` where they are given. Throws ModelError. */
export function acquireModel(options: EnsureModelOptions, sources?: readonly URL[]): Promise<Model> {
  return asModelError(options, async (modelsDir) => {
    const entries = options.catalogue ?? standardCatalogue;
    const entry = findCatalogueEntry(options.name, entries);
    if (entry === undefined) throw await unknownModel(options.name, modelsDir, entries);
    return obtain(entry, sources ?? sourcesOf(entry, options.baseUrl), modelsDir, options);
  });
}

/** Does `work` in the models directory; what fails is a ModelError, where its cause is known. */
export async function asModelError<T>(
  { name, modelsDir, signal }: EnsureModelOptions,
  work: (modelsDir: string) => Promise<T>,
): Promise<T> {
  const dir = resolve(modelsDir);
  try {
    return await work(dir);
  } catch (error) {
    throwIfAborted(signal, name);
    throw writeError(error, dir);
  }
}

async function obtain(
  entry: CatalogueEntry,
  sources: readonly URL[],
  modelsDir: string,
  options: EnsureModelOptions,
): Promise<Model> {
  const { log, signal } = options;
  const { name } = entry;
  await mkdir(stagingDir(modelsDir), { recursive: true });
  const release = await acquireLock(join(stagingDir(modelsDir), `${name}.lock`), {
    signal,
    onWait: (holder, waitedMs) => {
      const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
      const since = waitedMs < 1000 ? '' : ` (for ${Math.round(waitedMs / 1000)} s now)`;
      log('info', `waiting for ${who}, which is getting ${name}${since}`, { model: name });
    },
  });
  try {
    const meanwhile = await loadPresent(options);
    if (meanwhile !== undefined) return meanwhile;
    await mkdir(stagingFor(modelsDir, name), { recursive: true });
    const began = performance.now();
    const made = await make(entry, sources, modelsDir, options);
    signal?.throwIfAborted();
    await install({ modelsDir, entry, ...made });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    log('info', `${name} is in place after ${seconds} s`, { model: name, source: made.source });
    const model = await loadModel(join(modelsDir, name), signal);
    warnIfDemo(model, log);
    return model;
  } finally {
    // Stays where a broken download waits in it.
    await rmdir(stagingFor(modelsDir, name)).catch(() => undefined);
    await release();
  }
}

/** Writes the model's file into the staging folder, where an earlier download is continued. */
async function make(
  entry: CatalogueEntry,
  sources: readonly URL[],
  modelsDir: string,
  { log, signal, progress = logProgress(log), timing }: EnsureModelOptions,
): Promise<MadeModel> {
  const { name, sha256, bytes, convert } = entry;
  const staging = stagingFor(modelsDir, name);
  const part = join(staging, `${entry.file}.part`);
  if (entry.generate !== undefined) {
    const model = entry.generate.build();
    await assertRoom(staging, weightBytes(model));
    log('info', `generating ${name}`, { model: name });
    const written = await writeModel({ name, phase: 'generate', model, path: part, progress, signal });
    return { modelFile: part, sha256: written, source: generatedSource(entry) };
  }
  if (sha256 === undefined || bytes === undefined) throw new TypeError(`catalogue: ${name} has no hash or size`);
  // A checkpoint and the model that is made of it are about equally large.
  await assertRoom(staging, convert === undefined ? bytes : 2 * bytes);
  const source = await download({
    name,
    sources,
    sha256,
    bytes,
    part,
    log,
    progress,
    timing: { ...DEFAULT_TIMING, ...timing },
    signal,
  });
  if (convert === undefined) return { modelFile: part, sha256, source };
  log('info', `converting ${name} from ${entry.file} to ONNX`, { model: name });
  const model = await convert(part, signal);
  const modelFile = join(staging, 'model.onnx.part');
  const written = await writeModel({ name, phase: 'convert', model, path: modelFile, progress, signal });
  return { modelFile, sha256: written, source, checkpoint: sha256 };
}

/** The model if it is there and good; undefined if it is to be had anew; else the error of loading it. */
async function loadPresent(options: EnsureModelOptions): Promise<Model | undefined> {
  const { name, log, signal, catalogue: entries = standardCatalogue } = options;
  const entry = findCatalogueEntry(name, entries);
  const dir = join(resolve(options.modelsDir), name);
  try {
    const model = await loadModel(dir, signal);
    const { source } = model.manifest;
    if (entry?.generate !== undefined && isGenerated(source) && source !== generatedSource(entry)) {
      log('info', `${name} was generated by another version (${source ?? ''}), making it anew`, { model: name });
      return undefined;
    }
    if (entry?.sha256 !== undefined && !isFileOf(entry, model.manifest)) warnOfOtherFile(model, entries, log);
    warnIfDemo(model, log);
    return model;
  } catch (error) {
    if (!(error instanceof ModelError) || error.code === 'model_name_invalid') throw error;
    if (error.code === 'model_not_found' || (entry !== undefined && (await isEmptyFolder(dir)))) return undefined;
    if (entry === undefined || !(await isOurs(dir, entry, entries))) throw error;
    log('warn', `${name} is damaged and will be replaced: ${error.message}`, { model: name, code: error.code });
    return undefined;
  }
}

function warnOfOtherFile({ manifest, dir }: Model, entries: readonly CatalogueEntry[], log: Log): void {
  const { name, version } = manifest;
  const known = entryOfFile(manifest, entries);
  const what = known === undefined ? `is not the catalogue's file but ${version}` : `is the file of ${known.name}`;
  const next = `Move the folder away, and the next start gets the ${name} of the catalogue`;
  log('warn', `${name} in ${dir} ${what}; using it. ${next}.`, { model: name });
}

const generatedSource = (entry: CatalogueEntry): string => `generated:${entry.generate?.recipe ?? ''}`;

const isGenerated = (source: string | undefined): boolean => source?.startsWith('generated:') === true;

function warnIfDemo(model: Model, log: Log): void {
  if (model.manifest.weights !== 'demo') return;
  log('warn', `${model.manifest.name} has generated weights: its predictions mean nothing`, { weights: 'demo' });
}

/** Whether this package wrote the folder: then it may replace it. */
async function isOurs(dir: string, entry: CatalogueEntry, entries: readonly CatalogueEntry[]): Promise<boolean> {
  try {
    const value = JSON.parse(await readFile(join(dir, MANIFEST_FILE), 'utf8')) as Record<string, unknown>;
    if (entry.generate !== undefined) return typeof value['source'] === 'string' && isGenerated(value['source']);
    return entryOfFile(value, entries) !== undefined;
  } catch {
    return false;
  }
}

async function isEmptyFolder(dir: string): Promise<boolean> {
  try {
    return (await readdir(dir)).length === 0;
  } catch {
    return false;
  }
}

async function assertRoom(dir: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize >= bytes) return;
  const room = `${formatBytes(bytes)} are needed below ${dir} and ${formatBytes(bavail * bsize)} are free`;
  throw new ModelError('disk_full', `The disk is full: ${room}. Free some space, or set MODELS_DIR to another disk.`);
}

async function unknownModel(name: string, modelsDir: string, entries: readonly CatalogueEntry[]): Promise<ModelError> {
  const folders = (await listModelFolders(modelsDir)).filter(
    (folder) => findCatalogueEntry(folder, entries) === undefined,
  );
  const own = folders.length === 0 ? '' : ` In ${modelsDir}: ${folders.join(', ')}.`;
  return new ModelError(
    'model_not_found',
    `There is no model ${name}. The catalogue has ${entries.map((entry) => entry.name).join(', ')}.${own} ` +
      `To use a model of your own, put manifest.json, model.onnx and labels.tsv into ${join(modelsDir, name)}.`,
  );
}
