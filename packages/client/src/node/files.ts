/**
 * Pictures in files.
 *
 * Every file is opened without waiting: the opening of a named pipe waits until somebody writes to it, in a thread that nothing can
 * end, the end of the process included. Then what was opened is looked at, so that a file that has just become a pipe is no
 * trap either.
 */
import {
  close,
  closeSync,
  constants,
  fstat,
  fstatSync,
  open,
  openSync,
  readFile,
  readFileSync,
  type Stats,
} from 'node:fs';
import { open as openHandle, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { QuintetError } from '../errors.js';
import type { BatchFile } from '../tar.js';
import { readAll } from './chunk-list.js';

/** node:fs/promises makes an object of each handle, which takes a tenth of all that a picture takes on this side. */
const opened = promisify(open);
const found = promisify(fstat);
const read = promisify(readFile);
const closed = promisify(close);

/** Windows has no O_NONBLOCK, and no pipes among its files. */
const withoutWaiting = constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0);

export interface ReadOptions {
  /** Ends the reading of a named pipe, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a file, for `classify` and `submit`; of a named pipe, what is written to it until its end. Rejects with QuintetError
 * `image_unreadable`, or `image_empty` where there are none.
 */
export async function readImage(path: string | URL, { signal }: ReadOptions = {}): Promise<Uint8Array> {
  try {
    const descriptor = await opened(path, withoutWaiting);
    return await bytesOf(descriptor, await found(descriptor), signal);
  } catch (cause) {
    throw unreadable(cause, signal);
  }
}

/**
 * The same for a program that does nothing else meanwhile: without the trips to Node's threads, which cost more than the
 * reading where the service has the cores (bench/client.mjs).
 */
export async function readImageInline(path: string, { signal }: ReadOptions = {}): Promise<Uint8Array> {
  try {
    const descriptor = openSync(path, withoutWaiting);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return await bytesOf(descriptor, stats, signal);
    try {
      return notEmpty(readFileSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw unreadable(cause, signal);
  }
}

/** Closes the descriptor. */
async function bytesOf(descriptor: number, stats: Stats, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (stats.isFIFO()) return notEmpty(await readPipe(descriptor, signal));
  try {
    const kind = kindOf(stats);
    if (kind !== undefined) throw new Error(`it is ${kind}`);
    return notEmpty(await read(descriptor));
  } finally {
    await closed(descriptor);
  }
}

/** As the event loop reads: it waits for as long as nobody writes, and can be ended. */
async function readPipe(descriptor: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
  const end = (): void => {
    pipe.destroy(new Error('the reading was ended'));
  };
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted === true) end();
  try {
    return await readAll(pipe as AsyncIterable<Buffer>);
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

/**
 * A file for a batch, which is read when its turn comes; what is written to a named pipe is read at once, as an upload says its
 * length before. Rejects with QuintetError `image_unreadable`, or `image_empty` where there are no bytes.
 */
export async function sizedFile(path: string | URL, options: ReadOptions = {}): Promise<BatchFile['content']> {
  try {
    const stats = await stat(path);
    if (stats.isFIFO()) return await readImage(path, options);
    const kind = kindOf(stats);
    if (kind !== undefined) throw new Error(`it is ${kind}`);
    if (stats.size === 0) throw empty();
    return { size: stats.size, stream: () => chunksOf(path) };
  } catch (cause) {
    throw unreadable(cause, options.signal);
  }
}

async function* chunksOf(path: string | URL): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await openHandle(path, withoutWaiting);
  yield* handle.createReadStream() as AsyncIterable<Buffer>;
}

/** What a file is that has no bytes of its own, in words; undefined for one that has. */
export function kindOf(stats: Pick<Stats, 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket'>): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

function notEmpty(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw empty();
  return bytes;
}

/** For any source of a picture that ended before it began. */
export function empty(): QuintetError {
  return new QuintetError('image_empty', 'The file is empty.');
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a link that leads back to itself',
  EMFILE: 'too many files are open',
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  ENXIO: 'it is a socket',
  EPERM: 'permission denied',
};

function unreadable(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (cause instanceof QuintetError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = (code === undefined ? undefined : reasons[code]) ?? message;
  return new QuintetError('image_unreadable', `The picture cannot be read: ${why}.`, { cause });
}
