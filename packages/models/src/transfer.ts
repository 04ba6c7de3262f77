/*
 * One attempt at getting one file over HTTP into `part`.
 *
 * States of `part`: absent, partial (n bytes, validators beside it), complete. An attempt moves it forward or throws:
 *   `fatal`   this source will not do (404, a web page, a name that does not resolve): try the next one;
 *   `retry`   it may work again, and what is there stays (connection lost, 503, stalled);
 *   `restart` what is there does not go with what the server has (416, other validators): it was removed.
 * Invariant: bytes are only ever appended behind the ones that Content-Range says they follow; whoever calls verifies
 * size and hash of the whole before anything else sees it.
 */
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { systemCode } from './errors.js';

export class TransferError extends Error {
  override readonly name = 'TransferError';
  constructor(
    readonly kind: 'fatal' | 'retry' | 'restart',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface TransferOptions {
  readonly url: URL;
  readonly part: string;
  /** Known size; more than that is never written. */
  readonly bytes?: number | undefined;
  /** Time to the response's headers, and longest silence between two chunks, in milliseconds. */
  readonly connectMs: number;
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the size of `part` when the body begins and after each chunk. */
  readonly onBytes: (doneBytes: number) => void;
}

export async function transferOnce(options: TransferOptions): Promise<void> {
  const { url, part, signal, connectMs, stallMs } = options;
  const offset = await sizeOf(part);
  const validator = offset > 0 ? await readValidator(part, url) : undefined;
  const timeout = new AbortController();
  const cancel = (): void => {
    timeout.abort(signal?.reason);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  let silence = `no answer for ${connectMs / 1000} s`;
  let timer = setTimeout(() => {
    timeout.abort();
  }, connectMs);
  const heard = (): void => {
    clearTimeout(timer);
    silence = `nothing came for ${stallMs / 1000} s`;
    timer = setTimeout(() => {
      timeout.abort();
    }, stallMs);
  };
  let answered = false;
  try {
    signal?.throwIfAborted();
    const response = await request(url, timeout.signal, {
      ...(offset === 0 ? {} : { range: `bytes=${offset}-` }),
      ...(validator === undefined ? {} : { 'if-range': validator }),
    });
    answered = true;
    heard();
    try {
      await receive(response, offset, options, heard);
    } finally {
      // Leaves no half-read body behind, which would keep its connection.
      if (!response.bodyUsed) await response.body?.cancel().catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof TransferError) throw error;
    signal?.throwIfAborted();
    if (timeout.signal.aborted) throw new TransferError(answered ? 'retry' : 'fatal', silence, { cause: error });
    throw classify(error, answered);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

async function receive(response: Response, offset: number, options: TransferOptions, heard: () => void): Promise<void> {
  const { part, bytes, url } = options;
  const { status } = response;
  if (status === 416) {
    await removePart(part);
    throw new TransferError('restart', 'HTTP 416: the server has less than was already here');
  }
  assertFile(response);
  if (status === 206 && !continues(response.headers.get('content-range'), offset, bytes)) {
    await removePart(part);
    throw new TransferError('restart', 'the server sent another range than was asked for');
  }
  const etag = response.headers.get('etag');
  await writeFile(validatorPath(part), JSON.stringify({ url: withoutCredentials(url), etag }));
  let done = status === 206 ? offset : 0;
  const file = await open(part, status === 206 ? 'a' : 'w');
  try {
    options.onBytes(done);
    const body: AsyncIterable<Uint8Array> | undefined = response.body ?? undefined;
    for await (const chunk of body ?? []) {
      heard();
      const room = bytes === undefined ? chunk.byteLength : bytes - done;
      // One byte too many is kept as proof that the file is another one; the rest is not worth the disk.
      await file.writeFile(chunk.subarray(0, room + 1));
      done += Math.min(chunk.byteLength, room + 1);
      if (chunk.byteLength > room) return;
      options.onBytes(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function request(url: URL, signal: AbortSignal, headers: Readonly<Record<string, string>>): Promise<Response> {
  const { address, authorization } = splitCredentials(url);
  const own = { 'user-agent': 'quintet', 'accept-encoding': 'identity', ...(authorization && { authorization }) };
  return fetch(address, { signal, headers: { ...own, ...headers } });
}

/** Throws TransferError unless the answer is a file. */
function assertFile({ status, headers }: Response): void {
  if (status === 408 || status === 429 || status >= 500) throw new TransferError('retry', `HTTP ${status}`);
  if (status !== 200 && status !== 206) throw new TransferError('fatal', `HTTP ${status}`);
  if (headers.get('content-type')?.startsWith('text/html') === true) {
    throw new TransferError('fatal', 'a web page came instead of the file (a login or proxy page?)');
  }
}

/** Asks for the first byte of a file. Throws TransferError where it cannot be had, or the signal's reason. */
export async function askFor(url: URL, signal: AbortSignal): Promise<void> {
  try {
    const response = await request(url, signal, { range: 'bytes=0-0' });
    await response.body?.cancel();
    assertFile(response);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof TransferError ? error : classify(error, false);
  }
}

function continues(contentRange: string | null, offset: number, bytes: number | undefined): boolean {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(contentRange ?? '');
  if (match === null || Number(match[1]) !== offset) return false;
  return bytes === undefined || match[2] === '*' || Number(match[2]) === bytes;
}

/** Before the answer only a broken connection is worth another try; after it, every broken one is. */
function classify(error: unknown, answered: boolean): unknown {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCode(cause);
  const isNetwork = error instanceof TypeError || code?.startsWith('UND_ERR') === true;
  // A failure to write the file (ENOSPC and others) is no failure of the source.
  if (!isNetwork) return error;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new TransferError('fatal', `the host's name does not resolve (${code})`, { cause: error });
  }
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : String(error);
  const passing = answered || code === 'ECONNRESET' || code === 'UND_ERR_SOCKET' || code === 'EPIPE';
  const text = code === undefined || reason.includes(code) ? reason : `${reason} (${code})`;
  return new TransferError(passing ? 'retry' : 'fatal', text, { cause: error });
}

function splitCredentials(url: URL): { address: URL; authorization?: string } {
  if (url.username === '' && url.password === '') return { address: url };
  const address = new URL(url);
  address.username = '';
  address.password = '';
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { address, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** An address that may be logged and stored: without user, password and fragment. */
export function withoutCredentials(url: URL): string {
  return url.protocol === 'file:' ? url.href : `${url.origin}${url.pathname}${url.search}`;
}

const validatorPath = (part: string): string => `${part}.json`;

/** A strong ETag of the same address; other sources hold the same bytes by contract, and the hash proves it. */
async function readValidator(part: string, url: URL): Promise<string | undefined> {
  try {
    const value = JSON.parse(await readFile(validatorPath(part), 'utf8')) as { url?: unknown; etag?: unknown };
    const { etag } = value;
    return value.url === withoutCredentials(url) && typeof etag === 'string' && etag.startsWith('"') ? etag : undefined;
  } catch {
    return undefined;
  }
}

export async function removePart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(validatorPath(part), { force: true });
}

export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
