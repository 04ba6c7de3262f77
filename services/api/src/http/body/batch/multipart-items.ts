/**
 * `multipart/form-data` with many files, in fields named `image` or `images`, and options as fields before or after them.
 *
 * A file is read into memory, given to the sink, and forgotten. The next is not read before the sink has taken it. Too large
 * a file is a failed item, and the rest of it is thrown away as it comes.
 */
import type { IncomingMessage } from 'node:http';
import { ProblemError } from '@quintet/shared';
import { tooLargeBatch, tooManyItems, type BatchSink, type ItemSource } from '../../../batches/index.js';
import { refuseText, unexpectedFile } from '../multipart.js';
import { collect, isEmptyInput, multipartOverhead, readForm, type FilePart } from '../read-form.js';
import { entryTooLarge, type ArchiveLimits } from './archive-limits.js';

const fileFields = ['images', 'image'];
/** A part's headers and its boundary. */
const overheadPerFile = 1024;

/** Bytes of a form beside its files, at most. */
export function formOverhead(maxItems: number): number {
  return multipartOverhead + overheadPerFile * maxItems;
}

/**
 * Gives the files of a form to `sink`, and returns its text fields: the options. A file without a name is called after its
 * field and its place among the files, `images/3`. Throws as readForm does, and what the sink throws.
 */
export async function readMultipartItems(
  request: IncomingMessage,
  { maxItems, maxBytes, maxItemBytes }: ArchiveLimits,
  sink: BatchSink,
): Promise<[name: string, value: string][]> {
  const settings = {
    fileFields,
    mostFiles: maxItems,
    mostBytes: maxBytes + formOverhead(maxItems),
    tooLarge: () => tooLargeBatch(maxBytes),
    tooMany: () => tooManyItems(maxItems),
  };
  let count = 0;
  return readForm(request, settings, async (part) => {
    if (!fileFields.includes(part.field)) {
      if (await isEmptyInput(part)) return;
      throw unexpectedFile(part.field, fileFields);
    }
    const image = await collect(part.stream, maxItemBytes);
    if (part.name === '' && image?.length === 0) return;
    if (count === maxItems) throw tooManyItems(maxItems);
    const name = part.name === '' ? `${part.field}/${count}` : part.name;
    count += 1;
    await sink.add({ name, source: image === undefined ? entryTooLarge(maxItemBytes) : sourceOf(part, image) });
  });
}

function sourceOf({ field, name }: FilePart, image: Buffer): ItemSource {
  try {
    if (name === '') refuseText(field, image);
    return { image };
  } catch (error) {
    if (error instanceof ProblemError) return { problem: error };
    throw error;
  }
}
