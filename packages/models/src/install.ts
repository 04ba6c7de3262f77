import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CatalogueEntry } from './catalogue.js';
import { ModelError, systemCode, throwIfAborted, writeError } from './errors.js';
import {
  assertModelName,
  formatLabels,
  IMAGENET_LABELS_PATH,
  loadModel,
  Manifest,
  MANIFEST_FILE,
  type Label,
  type Model,
} from './load-model.js';
import { encodeModel, weightBytes, type OnnxModel } from './onnx/encode.js';
import { progressMeter, type Progress, type ProgressSink } from './progress.js';

/** Where downloads grow, beside the models so that a rename moves them; its name can be no model's. */
export const stagingDir = (modelsDir: string): string => join(modelsDir, '.staging');

/** One model's corner of the staging folder: removed when the model is in place. */
export const stagingFor = (modelsDir: string, name: string): string => join(stagingDir(modelsDir), name);

export interface MadeModel {
  /** The finished, verified ONNX file inside the staging folder; it is moved. */
  readonly modelFile: string;
  readonly sha256: string;
  readonly source: string;
  /** SHA-256 of the checkpoint that it was converted from. */
  readonly checkpoint?: string;
}

interface InstallOptions extends MadeModel {
  readonly modelsDir: string;
  readonly entry: CatalogueEntry;
}

/**
 * Makes a complete model folder and moves it into place with one rename: no reader ever sees half a model, whenever
 * this process dies. A folder that is there already is moved aside first and then deleted.
 */
export async function install(options: InstallOptions): Promise<void> {
  const { modelsDir, entry, modelFile, sha256, source, checkpoint } = options;
  const staging = stagingFor(modelsDir, entry.name);
  const complete = join(staging, 'complete');
  const target = join(modelsDir, entry.name);
  await rm(complete, { recursive: true, force: true });
  await mkdir(complete);
  const manifest = Manifest.parse({
    name: entry.name,
    version: `sha256:${sha256}`,
    weights: entry.weights,
    classes: entry.classes,
    description: entry.description,
    license: entry.license,
    source,
    ...(checkpoint === undefined ? {} : { checkpoint: `sha256:${checkpoint}` }),
    preprocess: entry.preprocess,
    outputs: entry.outputs,
  });
  await writeFile(join(complete, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`, { flush: true });
  await copyFile(IMAGENET_LABELS_PATH, join(complete, manifest.labels));
  await rename(modelFile, join(complete, manifest.file));
  await syncFolder(complete);
  await moveInto(complete, target, staging);
  await syncFolder(modelsDir);
  await rm(staging, { recursive: true, force: true });
}

async function moveInto(complete: string, target: string, staging: string): Promise<void> {
  try {
    await rename(complete, target);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
    await rename(target, join(staging, `old-${randomUUID()}`));
    await rename(complete, target);
  }
}

/** A rename survives a power cut only once its folder is on the disk; not every file system lets a folder be synced. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EISDIR', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  }
}

/** Names of the model folders in `modelsDir`, sorted; empty where it does not exist. */
export async function listModelFolders(modelsDir: string): Promise<string[]> {
  try {
    const entries = await readdir(modelsDir, { withFileTypes: true });
    return entries
      .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

interface WriteModelOptions {
  readonly name: string;
  readonly phase: Progress['phase'];
  readonly model: OnnxModel;
  /** The file to write. */
  readonly path: string;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a model that was made here and returns the SHA-256 of its bytes in hex. One chunk (about 2 MB, 15–20 ms of work) at
 * a time, with a turn of the event loop between: heartbeats and health checks go on meanwhile.
 */
export async function writeModel({ name, phase, model, path, progress, signal }: WriteModelOptions): Promise<string> {
  const hash = createHash('sha256');
  const total = weightBytes(model);
  const meter = progressMeter({ name, phase, totalBytes: total }, progress);
  const file = await open(path, 'w');
  try {
    let written = 0;
    for (const chunk of encodeModel(model)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      await file.writeFile(chunk);
      written += chunk.byteLength;
      // Tags and shapes are a few kilobytes above the weights.
      if (written < total) meter(written);
      await nextTurn();
    }
    meter(total);
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

export interface OwnModelOptions {
  readonly modelsDir: string;
  /** Without its version, which is the hash of the file that is written. */
  readonly manifest: Omit<Manifest, 'version' | 'file' | 'labels'>;
  readonly model: OnnxModel;
  /** In the order of the outputs. */
  readonly labels: readonly Label[];
  /** Text of further files, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Throws ModelError `model_exists` where there is a folder for a model `name`: nothing here overwrites what somebody has. */
export async function assertNoModel(modelsDir: string, name: string): Promise<void> {
  assertModelName(name);
  const target = join(resolve(modelsDir), name);
  try {
    await stat(target);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return;
    throw error;
  }
  throw modelExists(name, target);
}

const modelExists = (name: string, target: string, cause?: unknown): ModelError =>
  new ModelError('model_exists', `There is a model ${name} already. Remove it first: rm -r ${target}`, { cause });

/**
 * Makes a complete model folder of a model that was made here, and moves it into place with one rename. Rejects with ModelError:
 * `model_exists`, `models_dir_unwritable`, `disk_full`, `model_fetch_aborted`, and what loadModel throws.
 */
export async function writeOwnModel(options: OwnModelOptions): Promise<Model> {
  const { model, labels, files = {}, signal } = options;
  const modelsDir = resolve(options.modelsDir);
  const { name } = options.manifest;
  await assertNoModel(modelsDir, name);
  const staging = join(stagingDir(modelsDir), `${name}-${randomUUID()}`);
  try {
    await mkdir(staging, { recursive: true });
    const path = join(staging, 'model.onnx');
    const sha256 = await writeModel({ name, phase: 'convert', model, path, progress: () => undefined, signal });
    const manifest = Manifest.parse({ ...options.manifest, version: `sha256:${sha256}` });
    await writeFile(join(staging, manifest.labels), formatLabels(labels), { flush: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(staging, file), text, { flush: true });
    await writeFile(join(staging, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`, { flush: true });
    await syncFolder(staging);
    await rename(staging, join(modelsDir, name));
    await syncFolder(modelsDir);
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? ''))
      throw modelExists(name, join(modelsDir, name), error);
    throwIfAborted(signal, name);
    throw writeError(error, modelsDir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return loadModel(join(modelsDir, name), signal);
}
