/** The pictures of a TAR, compressed with gzip or not (its first bytes say), as it streams in: nothing of it is stored. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ProblemError } from '@quintet/shared';
import type { BatchInput, ItemSource } from '../../../batches/index.js';
import { ArchiveMeter, entryTooLarge, isByFile, malformedArchive, type ArchiveLimits } from './archive-limits.js';
import { peek } from './peek.js';
import { readTar, TarError, type TarEntry } from './tar-reader.js';

/** Yields each picture of the archive. Throws `archive_malformed` and what the limits say. */
export async function* tarItems(body: AsyncIterable<Buffer>, limits: ArchiveLimits): AsyncGenerator<BatchInput> {
  let sent = 0;
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      sent += chunk.length;
      yield chunk;
    }
  };
  const meter = new ArchiveMeter(limits, () => sent);
  try {
    for await (const entry of readTar(metered(await unzipped(counted()), meter))) {
      meter.entry();
      if (!entry.isFile || isByFile(entry.name)) continue;
      yield { name: entry.name, source: await sourceOf(entry, limits.maxItemBytes) };
    }
  } catch (error) {
    throw malformedArchive(error);
  }
}

async function sourceOf(entry: TarEntry, limit: number): Promise<ItemSource> {
  if (entry.isSparse) {
    const detail = 'The file in the archive is sparse: its zeros are left out. Pack it without --sparse.';
    return { problem: new ProblemError('archive_entry_unreadable', detail) };
  }
  return entry.size > limit ? entryTooLarge(limit) : { image: await entry.read() };
}

async function* metered(chunks: AsyncIterable<Buffer>, meter: ArchiveMeter): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    meter.unpacked(chunk.length);
    yield chunk;
  }
}

/** Other compressions that `tar` writes, by their first bytes. */
const otherCompressions: readonly (readonly [string, string])[] = [
  ['BZh', 'bzip2'],
  ['\xfd7zXZ', 'xz'],
  ['\x28\xb5\x2f\xfd', 'Zstandard'],
  ['\x1f\x9d', 'compress'],
];

async function unzipped(chunks: AsyncGenerator<Buffer>): Promise<AsyncIterable<Buffer>> {
  const { head, all } = await peek(chunks, 6);
  const start = head.toString('latin1');
  const other = otherCompressions.find(([bytes]) => start.startsWith(bytes));
  if (other !== undefined) throw new TarError(`it is compressed with ${other[1]}, not with gzip`);
  if (!start.startsWith('\x1f\x8b')) return all;
  const gunzip = createGunzip();
  // Its outcome is the reader's: an error destroys the end that is read.
  pipeline(Readable.from(all, { objectMode: false }), gunzip, () => undefined);
  return gunzip as AsyncIterable<Buffer>;
}
