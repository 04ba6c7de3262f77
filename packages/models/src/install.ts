import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogueEntry } from './catalogue.js';
import { systemCode } from './errors.js';
import { IMAGENET_LABELS_PATH } from './labels.js';
import { MANIFEST_FILE } from './load-model.js';
import { Manifest } from './manifest.js';

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

export interface InstallOptions extends MadeModel {
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
export async function syncFolder(path: string): Promise<void> {
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
