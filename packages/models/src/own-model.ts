import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ModelError, systemCode, throwIfAborted, writeError } from './errors.js';
import { writeModel } from './write-model.js';
import { stagingDir, syncFolder } from './install.js';
import { formatLabels, type Label } from './labels.js';
import { MANIFEST_FILE, loadModel, type Model } from './load-model.js';
import { Manifest, assertModelName } from './manifest.js';
import type { OnnxModel } from './onnx/encode.js';

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
