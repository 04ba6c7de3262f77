import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ModelError, systemCode } from './errors.js';

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
