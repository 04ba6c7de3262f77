import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ModelError, systemCode, reasonOf } from './errors.js';
import { sha256File } from './hash.js';

/** Lower-case letters, digits, `.`, `_`, `-`; no separators, no leading dot: a name is always one folder. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const perChannel = z.tuple([z.number(), z.number(), z.number()]);

/** How a picture becomes the input tensor; the defaults are torchvision's for ImageNet. */
export const Preprocess = z.strictObject({
  /** Length of the short side after resizing, in pixels. */
  resize: z.int().min(1).max(4096).default(256),
  /** Side of the centred square that is cut out, in pixels: height and width of the input. */
  crop: z.int().min(1).max(4096).default(224),
  /** The filter that resizes: Pillow's, bilinear or bicubic (a = −0.5). */
  interpolation: z.enum(['bilinear', 'bicubic']).default('bilinear'),
  /** What workers do; a model that was trained without it would need another resampler, so `false` is refused. */
  antialias: z.literal(true).default(true),
  /** Subtracted from, and then dividing, each channel after it was scaled to 0–1. */
  mean: perChannel.default([0.485, 0.456, 0.406]),
  std: perChannel
    .refine((values) => values.every((value) => value > 0), 'must be positive')
    .default([0.229, 0.224, 0.225]),
  layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
  color: z.enum(['RGB', 'BGR']).default('RGB'),
});
export type Preprocess = z.infer<typeof Preprocess>;

export const DEFAULT_PREPROCESS: Preprocess = Preprocess.parse({});

const Version = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 lower-case hex digits');

/** manifest.json as a person may write it: everything but the braces has a default. */
const ManifestFile = z
  .strictObject({
    name: z.string().regex(MODEL_NAME).optional(),
    /** `sha256:` and the SHA-256 of the model file in hex; computed where absent. */
    version: Version.optional(),
    weights: z.enum(['pretrained', 'demo']).default('pretrained'),
    file: z.string().regex(FILE_NAME, 'must be a file name without a folder').default('model.onnx'),
    labels: z.string().regex(FILE_NAME, 'must be a file name without a folder').default('labels.tsv'),
    /** Number of classes; labels are checked against it where it stands. */
    classes: z.int().min(1).max(1_000_000).optional(),
    description: z.string().max(1000).default(''),
    license: z.string().max(200).optional(),
    /** Where the model came from. */
    source: z.string().max(2000).optional(),
    /** `sha256:` and the SHA-256 of the checkpoint that the model file was converted from. */
    checkpoint: Version.optional(),
    preprocess: Preprocess.default(DEFAULT_PREPROCESS),
    /** `logits`: softmax is still to be applied; `probabilities`: the model has applied it. */
    outputs: z.enum(['logits', 'probabilities']).default('logits'),
  })
  .describe('manifest.json of a model folder');

/** A loaded model's manifest: name and version are always there. */
export const Manifest = ManifestFile.extend({ name: z.string().regex(MODEL_NAME), version: Version });
export type Manifest = z.infer<typeof Manifest>;

/** Throws ModelError `model_name_invalid` unless `name` is a model name; keeps paths inside the models directory. */
export function assertModelName(name: string): void {
  if (MODEL_NAME.test(name)) return;
  const rule = 'A model name is 1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit';
  throw new ModelError('model_name_invalid', `${JSON.stringify(name.slice(0, 100))} is not a model name. ${rule}.`);
}

/** Parses the text of a manifest.json; throws ModelError `model_manifest_invalid` naming every wrong field. */
export function parseManifestFile(text: string, path: string): z.infer<typeof ManifestFile> {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const problem = reasonOf(error);
    throw new ModelError('model_manifest_invalid', `${path} is not JSON: ${problem}. Correct it.`, { cause: error });
  }
  const parsed = ManifestFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: at, message }) => `${at.join('.') || 'the document'}: ${message}`);
  throw new ModelError('model_manifest_invalid', `${path} does not fit: ${problems.join('; ')}. Correct these fields.`);
}

/** One class: its index in the model's output, its WordNet id (or the id its owner gave it), its name. */
export interface Label {
  readonly index: number;
  readonly wnid: string;
  readonly label: string;
}

/** The 1000 classes of ImageNet-1k (ILSVRC 2012) in the order that every public model uses. */
export const IMAGENET_LABELS_PATH = fileURLToPath(new URL('../data/imagenet-1k.tsv', import.meta.url));

/**
 * Parses labels.tsv: one class a line, `id<TAB>label`, line number = class index.
 * Accepts CRLF, a byte order mark and blank lines at the end; throws ModelError `labels_invalid` naming the line.
 */
export function parseLabels(text: string, source = 'labels.tsv'): Label[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)?.trim() === '') lines.pop();
  if (lines.length === 0) throw invalid(source, 'it is empty');
  return lines.map((line, index) => {
    const [wnid, label, ...rest] = line.split('\t').map((field) => field.trim());
    if (wnid === undefined || label === undefined || rest.length > 0) {
      throw invalid(source, `line ${index + 1} is not "id<TAB>label": ${JSON.stringify(line.slice(0, 80))}`);
    }
    if (!/^\S+$/.test(wnid)) throw invalid(source, `line ${index + 1} has no id, or one with a space`);
    if (label === '') throw invalid(source, `line ${index + 1} has no label`);
    return { index, wnid, label };
  });
}

/** Reads and parses a labels file; throws ModelError `labels_invalid`. */
export async function readLabels(path: string): Promise<Label[]> {
  return parseLabels(await readText(path), path);
}

/**
 * Reads a labels file, or a file with one name a line: then the name, with hyphens for spaces, is also the id.
 * Throws ModelError `labels_invalid`.
 */
export async function readClassNames(path: string): Promise<Label[]> {
  const text = await readText(path);
  if (text.includes('\t')) return parseLabels(text, path);
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/);
  return parseLabels(lines.map((line) => `${line.trim().replace(/\s+/g, '-')}\t${line}`).join('\n'), path);
}

/** The text of a labels file. */
export const formatLabels = (labels: readonly Label[]): string =>
  labels.map(({ wnid, label }) => `${wnid}\t${label}\n`).join('');

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw invalid(path, `it cannot be read (${systemCode(error) ?? String(error)})`, error);
  }
}

function invalid(source: string, problem: string, cause?: unknown): ModelError {
  const format = 'Write one class a line, "id<TAB>label", in the order of the outputs of the model';
  return new ModelError('labels_invalid', `${source}: ${problem}. ${format}.`, { cause });
}

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
