/** Bytes that can be read at any place: a file, a part of one, or memory. */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { RandomAccessReader } from 'yauzl';
import { invalid } from './checkpoint-error.js';

export interface ByteSource {
  readonly size: number;
  /** Exactly these bytes, which are the caller's to keep. Rejects with ModelError `checkpoint_invalid` where they end before. */
  read(offset: number, length: number): Promise<Buffer>;
}

const READ_BYTES = 1 << 20;

/** An open file; the caller closes it. */
export function fileSource(file: FileHandle, size: number): ByteSource {
  return {
    size,
    read: async (offset, length) => {
      assertWithin(offset, length, size);
      const buffer = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
        if (bytesRead === 0) throw invalid('the file became shorter while it was read');
        done += bytesRead;
      }
      return buffer;
    },
  };
}

export function bufferSource(buffer: Buffer): ByteSource {
  return {
    size: buffer.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- so that it rejects, as the other sources do
    read: async (offset, length) => {
      assertWithin(offset, length, buffer.length);
      return Buffer.from(buffer.subarray(offset, offset + length));
    },
  };
}

/** A part of another source. Throws where it lies outside. */
export function partOf(source: ByteSource, start: number, size: number): ByteSource {
  assertWithin(start, size, source.size);
  return {
    size,
    read: async (offset, length) => {
      assertWithin(offset, length, size);
      return source.read(start + offset, length);
    },
  };
}

function assertWithin(offset: number, length: number, size: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw invalid(`it is cut off: ${offset + length} bytes are needed and ${size} are there`);
}

/** What yauzl reads a ZIP from. */
export class SourceReader extends RandomAccessReader {
  constructor(private readonly source: ByteSource) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end), { objectMode: false });
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    // In a turn of its own: an error that the callback throws is not one of reading.
    this.source.read(position, length).then(
      (bytes) => {
        bytes.copy(buffer, offset);
        setImmediate(callback, null);
      },
      (error: unknown) => {
        setImmediate(callback, error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += READ_BYTES) yield await this.source.read(at, Math.min(READ_BYTES, end - at));
  }
}
