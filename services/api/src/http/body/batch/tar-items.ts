/** The pictures of a TAR, compressed with gzip or not (its first bytes say), as it streams in: nothing of it is stored. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { BatchInput } from '../../../batches/index.js';
import { ArchiveMeter, entryTooLarge, isByFile, malformedArchive, type ArchiveLimits } from './archive-limits.js';
import { peek } from './peek.js';
import { readTar } from './tar-reader.js';

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
      const tooLarge = entry.size > limits.maxItemBytes;
      yield {
        name: entry.name,
        source: tooLarge ? entryTooLarge(limits.maxItemBytes) : { image: await entry.read() },
      };
    }
  } catch (error) {
    throw malformedArchive(error);
  }
}

async function* metered(chunks: AsyncIterable<Buffer>, meter: ArchiveMeter): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    meter.unpacked(chunk.length);
    yield chunk;
  }
}

async function unzipped(chunks: AsyncGenerator<Buffer>): Promise<AsyncIterable<Buffer>> {
  const { head, all } = await peek(chunks, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return all;
  const gunzip = createGunzip();
  // Its outcome is the reader's: an error destroys the end that is read.
  pipeline(Readable.from(all, { objectMode: false }), gunzip, () => undefined);
  return gunzip as AsyncIterable<Buffer>;
}
