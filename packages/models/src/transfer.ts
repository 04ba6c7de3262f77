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
import { lookup } from 'node:dns';
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { CallError, GuardedClient, type Answer } from '@quintet/outbound';
import { systemCode } from './errors.js';

/** The sources are the operator's: any address, by the names that the system knows. */
const client = new GuardedClient(true, lookup);
const maxRedirects = 20;

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

interface RequestOptions {
  readonly url: URL;
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for a connection and then for the headers, and longest silence between two chunks; ms. */
  readonly connectMs?: number;
  readonly stallMs?: number;
}

export interface TransferOptions extends RequestOptions {
  readonly part: string;
  /** Known size; more than that is never written. */
  readonly bytes?: number | undefined;
  /** Called with the size of `part` when the body begins and after each chunk. */
  readonly onBytes: (doneBytes: number) => void;
}

export async function transferOnce(options: TransferOptions): Promise<void> {
  const { url, part } = options;
  const offset = await sizeOf(part);
  const validator = offset > 0 ? await readValidator(part, url) : undefined;
  const answer = await request(options, {
    ...(offset === 0 ? {} : { range: `bytes=${offset}-` }),
    ...(validator === undefined ? {} : { 'if-range': validator }),
  });
  try {
    await receive(answer, offset, options);
  } catch (error) {
    // A failure to write the file (ENOSPC and others) is no failure of the source.
    throw error instanceof CallError ? broken(error, options) : error;
  } finally {
    answer.close();
  }
}

async function receive(answer: Answer, offset: number, options: TransferOptions): Promise<void> {
  const { part, bytes, url } = options;
  const { status } = answer;
  if (status === 416) {
    await removePart(part);
    throw new TransferError('restart', 'HTTP 416: the server has less than was already here');
  }
  assertFile(answer);
  if (status === 206 && !continues(header(answer, 'content-range'), offset, bytes)) {
    await removePart(part);
    throw new TransferError('restart', 'the server sent another range than was asked for');
  }
  const etag = header(answer, 'etag');
  await writeFile(validatorPath(part), JSON.stringify({ url: withoutCredentials(url), etag }));
  let done = status === 206 ? offset : 0;
  const file = await open(part, status === 206 ? 'a' : 'w');
  try {
    options.onBytes(done);
    for await (const chunk of answer.body) {
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

/** Throws TransferError, or the signal's reason. */
async function request(options: RequestOptions, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const { url, signal = new AbortController().signal, connectMs, stallMs } = options;
  const { address, authorization } = splitCredentials(url);
  const own = { 'user-agent': 'quintet', 'accept-encoding': 'identity', ...(authorization && { authorization }) };
  try {
    return await client.call(address, { signal, connectMs, stallMs, maxRedirects, headers: { ...own, ...headers } });
  } catch (error) {
    throw error instanceof CallError ? unanswered(error, options) : error;
  }
}

/** Throws TransferError unless the answer is a file. */
function assertFile(answer: Answer): void {
  const { status } = answer;
  if (status === 408 || status === 429 || status >= 500) throw new TransferError('retry', `HTTP ${status}`);
  if (status !== 200 && status !== 206) throw new TransferError('fatal', `HTTP ${status}`);
  if (header(answer, 'content-type')?.startsWith('text/html') === true) {
    throw new TransferError('fatal', 'a web page came instead of the file (a login or proxy page?)');
  }
}

const header = ({ headers }: Answer, name: string): string | undefined => [headers[name]].flat()[0];

/** Asks for the first byte of a file. Throws TransferError where it cannot be had, or the signal's reason. */
export async function askFor(url: URL, signal: AbortSignal): Promise<void> {
  const answer = await request({ url, signal }, { range: 'bytes=0-0' });
  answer.close();
  assertFile(answer);
}

function continues(contentRange: string | undefined, offset: number, bytes: number | undefined): boolean {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(contentRange ?? '');
  if (match === null || Number(match[1]) !== offset) return false;
  return bytes === undefined || match[2] === '*' || Number(match[2]) === bytes;
}

/** Before the answer only a broken connection is worth another try. */
function unanswered(error: CallError, { connectMs = 0 }: RequestOptions): TransferError {
  const { code, cause } = error;
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') {
    return new TransferError('fatal', `no answer for ${connectMs / 1000} s`, { cause: error });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new TransferError('fatal', `the host's name does not resolve (${code})`, { cause: error });
  }
  const kind = code === 'ECONNRESET' || code === 'EPIPE' ? 'retry' : 'fatal';
  return new TransferError(kind, textOf(code, cause), { cause: error });
}

/** Within the answer every broken connection is. */
function broken({ code, cause }: CallError, { stallMs = 0 }: RequestOptions): TransferError {
  const text = code === 'UND_ERR_BODY_TIMEOUT' ? `nothing came for ${stallMs / 1000} s` : textOf(code, cause);
  return new TransferError('retry', text, { cause });
}

function textOf(code: string, cause: unknown): string {
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : code;
  return reason.includes(code) ? reason : `${reason} (${code})`;
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
