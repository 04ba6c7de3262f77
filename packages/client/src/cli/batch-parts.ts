/**
 * Files as as many batches as it takes.
 *
 * What a service takes in one is its setting, and it does not tell before. So parts begin at the defaults of MAX_BATCH_ITEMS and
 * MAX_BATCH_BYTES; one that is refused as too many or too large is halved, in items or bytes, and the smaller limit holds for the rest. With
 * `Expect: 100-continue`, a refusal by size costs no upload.
 */
import { entrySize, QuintetError, type Batch, type BatchFile, type Quintet, type SubmitOptions } from '../index.js';
import { sizedFile } from '../node/index.js';
import type { Input } from './input/inputs.js';

/** The service's defaults. */
const defaultItems = 1000;
const defaultBytes = 256 * 1024 * 1024;

/** A batch, or a file that is too large for any; `first` is the index of its first file among all. */
export type Part =
  | { readonly first: number; readonly batch: Batch }
  | { readonly first: number; readonly file: BatchFile; readonly error: QuintetError };

export interface Sending {
  /** Files that are sent, and that are being sent. */
  readonly sent: number;
  readonly files: number;
}

/** The files that there are, and why others cannot be read, by their place among the inputs. */
export async function collectFiles(
  inputs: readonly Input[],
  signal: AbortSignal,
): Promise<{ readonly files: readonly BatchFile[]; readonly unreadable: ReadonlyMap<number, QuintetError> }> {
  const files: BatchFile[] = [];
  const unreadable = new Map<number, QuintetError>();
  for (const [index, { name }] of inputs.entries()) {
    try {
      files.push({ name: name.replaceAll('\\', '/'), content: await sizedFile(name, { signal }) });
    } catch (error) {
      if (!(error instanceof QuintetError)) throw error;
      unreadable.set(index, error);
    }
  }
  return { files, unreadable };
}

/** Submits part after part; the next one when the caller asks for it. Throws QuintetError, or the signal's reason. */
export async function* submitInParts(
  client: Quintet,
  files: readonly BatchFile[],
  options: SubmitOptions,
  onSending: (sending: Sending) => void,
): AsyncGenerator<Part, void, undefined> {
  let mostItems = defaultItems;
  let mostBytes = defaultBytes;
  for (let first = 0; first < files.length;) {
    const part = takePart(files, first, mostItems, mostBytes);
    onSending({ sent: first, files: part.length });
    let batch: Batch;
    try {
      batch = await client.submitBatch(part, options);
    } catch (error) {
      if (!(error instanceof QuintetError) || !isTooMuch(error)) throw error;
      const [file] = part;
      if (part.length === 1 && file !== undefined) {
        yield { first, file, error };
        first += 1;
      } else if (error.code === 'batch_too_many_items') {
        mostItems = Math.floor(part.length / 2);
      } else {
        mostBytes = Math.floor(bytesOf(part) / 2);
      }
      continue;
    }
    yield { first, batch };
    first += part.length;
  }
}

function isTooMuch({ code }: QuintetError): boolean {
  return code === 'batch_too_many_items' || code === 'batch_too_large' || code === 'body_too_large';
}

/** Files from `first` on, one at least. */
function takePart(
  files: readonly BatchFile[],
  first: number,
  mostItems: number,
  mostBytes: number,
): readonly BatchFile[] {
  let bytes = 0;
  let end = first;
  while (end < files.length && end - first < mostItems) {
    const file = files[end];
    if (file === undefined) break;
    bytes += entrySize(file);
    if (bytes > mostBytes && end > first) break;
    end += 1;
  }
  return files.slice(first, end);
}

function bytesOf(files: readonly BatchFile[]): number {
  return files.reduce((sum, file) => sum + entrySize(file), 0);
}
