import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ModelError, systemCode } from './errors.js';
import { sha256File } from './hash.js';
import { readLabels, type Label } from './labels.js';
import { Manifest, assertModelName, parseManifestFile } from './manifest.js';

export const MANIFEST_FILE = 'manifest.json';

/** A verified model folder. */
export interface Model {
  readonly manifest: Manifest;
  /** Absolute path of the folder and of the ONNX file in it. */
  readonly dir: string;
  readonly modelPath: string;
  /** `labels[i].index === i`: the class of output i. */
  readonly labels: readonly Label[];
}

/**
 * Loads a model folder: manifest.json, the ONNX file and labels.tsv, and verifies the file against the manifest's
 * version (SHA-256); a manifest without version or name gets the computed hash and the folder's name.
 * Throws ModelError: model_not_found (no such folder), model_manifest_invalid, model_file_missing,
 * model_hash_mismatch, labels_invalid, model_name_invalid.
 */
export async function loadModel(dir: string, signal?: AbortSignal): Promise<Model> {
  const root = resolve(dir);
  const folderName = basename(root);
  const file = parseManifestFile(await readManifest(root), join(root, MANIFEST_FILE));
  const name = file.name ?? folderName;
  assertModelName(name);
  if (name !== folderName) {
    const problem = `${join(root, MANIFEST_FILE)} names the model ${name}, but its folder is ${folderName}`;
    throw new ModelError('model_manifest_invalid', `${problem}. Rename one of them.`);
  }
  const modelPath = join(root, file.file);
  const size = await fileSize(modelPath);
  if (size === undefined) {
    const next = `Put the ONNX file there, or name it in "file" of ${MANIFEST_FILE}`;
    throw new ModelError('model_file_missing', `Model ${name}: ${modelPath} is not a file. ${next}.`);
  }
  const labels = await readLabels(join(root, file.labels));
  if (file.classes !== undefined && file.classes !== labels.length) {
    const problem = `${join(root, file.labels)} has ${labels.length} labels, the manifest says ${file.classes} classes`;
    throw new ModelError('labels_invalid', `${problem}. Correct one of them.`);
  }
  const version = `sha256:${await sha256File(modelPath, signal)}`;
  if (file.version !== undefined && file.version !== version) {
    throw new ModelError(
      'model_hash_mismatch',
      `${modelPath} (${size} bytes) is not the file its manifest names: expected ${file.version}, found ${version}. ` +
        `Delete ${root} to have it fetched again, or, if you changed the model on purpose, take "version" out of ${MANIFEST_FILE}.`,
    );
  }
  return { manifest: Manifest.parse({ ...file, name, version }), dir: root, modelPath, labels };
}

async function readManifest(root: string): Promise<string> {
  try {
    return await readFile(join(root, MANIFEST_FILE), 'utf8');
  } catch (error) {
    const code = systemCode(error);
    const path = join(root, MANIFEST_FILE);
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !(await isDirectory(root))) {
      throw new ModelError('model_not_found', `There is no model folder ${root}.`, { cause: error });
    }
    const next = 'Write one ({} is enough: every field has a default)';
    throw new ModelError('model_manifest_invalid', `${path} cannot be read (${code ?? String(error)}). ${next}.`, {
      cause: error,
    });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}
