/**
 * A body on disk: for what can only be read from its end (ZIP) or is too large for memory (JSON).
 *
 * The file has no name from the moment it is open, so nothing of it stays whatever ends this process. What may be written is
 * bounded, and taken from a budget before the first byte.
 */
import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tooLargeBatch } from '../../../batches/index.js';

export interface Spool {
  readonly size: number;
  readonly handle: FileHandle;
}

/** Writes `chunks` to a file, at most `limit` bytes, and runs `use` with it. */
export async function withSpool<T>(
  chunks: AsyncIterable<Buffer>,
  limit: number,
  use: (spool: Spool) => Promise<T>,
): Promise<T> {
  const path = join(tmpdir(), `quintet-batch-${randomUUID()}`);
  const handle = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    let size = 0;
    for await (const chunk of chunks) {
      if (size + chunk.length > limit) throw tooLargeBatch(limit);
      await handle.write(chunk, 0, chunk.length, size);
      size += chunk.length;
    }
    return await use({ size, handle });
  } finally {
    await handle.close();
  }
}

/** Bytes `start` to before `end` of a spool. */
export async function readRange({ handle }: Spool, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(end - start);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
    if (bytesRead === 0) throw new Error('the spooled body ends early');
    filled += bytesRead;
  }
  return buffer;
}
