/** Pictures in files. */
import { createReadStream, readFile, readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { QuintetError } from '../errors.js';
import type { SizedContent } from '../tar.js';

/** node:fs/promises makes an object of each handle, which takes a tenth of all that a picture takes on this side. */
const read = promisify(readFile);

/** The bytes of a file, for `classify` and `submit`. Rejects with QuintetError `image_unreadable`. */
export async function readImage(path: string | URL): Promise<Uint8Array> {
  try {
    return await read(path);
  } catch (cause) {
    throw unreadable(cause);
  }
}

/**
 * The same for a program that does nothing else meanwhile: without the four trips to Node's threads, which cost more than the
 * reading where the service has the cores (bench/client.mjs). What is no regular file may keep one waiting, and is read as above.
 */
export async function readImageInline(path: string): Promise<Uint8Array> {
  try {
    if (statSync(path).isFile()) return readFileSync(path);
  } catch (cause) {
    throw unreadable(cause);
  }
  return readImage(path);
}

/** A file for a batch, which is read when its turn comes. Rejects with QuintetError `image_unreadable`. */
export async function sizedFile(path: string | URL): Promise<SizedContent> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is no file');
    return { size: found.size, stream: () => createReadStream(path) };
  } catch (cause) {
    throw unreadable(cause);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENOENT: 'there is no such file',
  EPERM: 'permission denied',
};

function unreadable(cause: unknown): QuintetError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = (code === undefined ? undefined : reasons[code]) ?? message;
  return new QuintetError('image_unreadable', `The picture cannot be read: ${why}.`, { cause });
}
