import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ModelError, systemCode } from './errors.js';
import { sha256File } from './hash.js';
import { formatBytes, progressMeter, type Log, type ProgressSink } from './progress.js';
import { TransferError, removePart, sizeOf, transferOnce, withoutCredentials } from './transfer.js';

export interface TransferTiming {
  /** Longest wait for an answer's headers, and longest silence within its body. */
  readonly connectMs: number;
  readonly stallMs: number;
  /** Tries at one source without a megabyte of progress between them, and the first pause; pauses double. */
  readonly attempts: number;
  readonly pauseMs: number;
}

export const DEFAULT_TIMING: TransferTiming = { connectMs: 15_000, stallMs: 30_000, attempts: 4, pauseMs: 500 };

const REAL_PROGRESS_BYTES = 1 << 20;

export interface DownloadOptions {
  readonly name: string;
  readonly sources: readonly URL[];
  readonly sha256: string;
  readonly bytes: number;
  /** Where the file grows; what an earlier run left there is continued. Complete and verified on return. */
  readonly part: string;
  readonly log: Log;
  readonly progress: ProgressSink;
  readonly timing: TransferTiming;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gets a file of known size and hash from the first source that has it, and returns that source's address.
 * Throws ModelError `model_hash_mismatch` (wrong content: no other source is tried, somebody must look) or
 * `model_unreachable`, which lists every source and why it failed. Errors of the local disk come as they are.
 */
export async function download(options: DownloadOptions): Promise<string> {
  const { name, sources, bytes, log } = options;
  const failures: string[] = [];
  for (const source of sources) {
    const shown = withoutCredentials(source);
    log('info', `fetching ${name} (${formatBytes(bytes)}) from ${shown}`, { model: name, source: shown });
    try {
      await (source.protocol === 'file:' ? fromFile(source, options) : fromServer(source, options));
      return shown;
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      failures.push(`${shown}: ${error.message}`);
      log('warn', `${name} cannot be had from ${shown}: ${error.message}`, { model: name, source: shown });
    }
  }
  const next =
    'Check the network (HTTPS to these hosts), or set MODEL_BASE_URL to a mirror that has the file ' +
    '(https://… or file:///…), or take the bundled model: MODEL=efficientnet-lite0';
  throw new ModelError(
    'model_unreachable',
    `Model ${name} cannot be fetched from any source:\n${failures.map((line) => `  - ${line}`).join('\n')}\n${next}.`,
  );
}

async function fromServer(url: URL, options: DownloadOptions): Promise<void> {
  const { name, part, bytes, timing, signal, log } = options;
  let failed = 0;
  let restarted = false;
  for (;;) {
    if ((await sizeOf(part)) > bytes) await removePart(part);
    const before = await sizeOf(part);
    if (before > 0) log('info', `${name}: ${formatBytes(before)} are here already, going on from there`);
    const meter = progressMeter({ name, phase: 'download', totalBytes: bytes }, options.progress, before);
    try {
      if (before !== bytes) await transferOnce({ url, part, bytes, signal, onBytes: meter, ...timing });
      const found = await verify(options);
      if (found === undefined) return;
      await removePart(part);
      // What an earlier run left may have come from an older file: once, everything is fetched anew.
      if (before === 0 || restarted) throw mismatch(withoutCredentials(url), found, options);
      restarted = true;
      log('warn', `${name}: the continued file is not the expected one, starting over`, { model: name });
    } catch (error) {
      if (!(error instanceof TransferError) || error.kind === 'fatal') throw error;
      if (error.kind === 'restart') {
        if (restarted) throw error;
        restarted = true;
        continue;
      }
      failed = (await sizeOf(part)) - before >= REAL_PROGRESS_BYTES ? 1 : failed + 1;
      if (failed >= timing.attempts) {
        throw new TransferError('fatal', `${error.message} (${failed} tries)`, { cause: error });
      }
      const pause = timing.pauseMs * 2 ** (failed - 1);
      log('warn', `${name}: ${error.message}; trying again in ${pause / 1000} s`, { model: name });
      await sleep(pause, undefined, signal ? { signal } : {});
    }
  }
}

async function fromFile(url: URL, options: DownloadOptions): Promise<void> {
  const { name, part, signal } = options;
  const path = fileURLToPath(url);
  const meter = progressMeter({ name, phase: 'copy', totalBytes: options.bytes }, options.progress);
  const source = await open(path, 'r').catch((error: unknown) => {
    throw new TransferError('fatal', systemCode(error) === 'ENOENT' ? 'no such file' : describe(error), {
      cause: error,
    });
  });
  try {
    if (!(await source.stat()).isFile()) throw new TransferError('fatal', 'not a file');
    await removePart(part);
    const target = await open(part, 'w');
    try {
      let done = 0;
      const stream = createReadStream(path, { fd: source, autoClose: false, highWaterMark: 1 << 20 });
      for await (const chunk of stream) {
        signal?.throwIfAborted();
        await target.writeFile(chunk as Buffer);
        done += (chunk as Buffer).byteLength;
        meter(done);
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  const found = await verify(options);
  if (found === undefined) return;
  await removePart(part);
  throw mismatch(url.href, found, options);
}

interface Found {
  readonly sha256: string;
  readonly bytes: number;
}

/** Undefined if the file is the expected one, else what it is. */
async function verify({ part, sha256, bytes, signal }: DownloadOptions): Promise<Found | undefined> {
  const found = { sha256: await sha256File(part, signal), bytes: await sizeOf(part) };
  return found.sha256 === sha256 && found.bytes === bytes ? undefined : found;
}

function mismatch(source: string, found: Found, { name, sha256, bytes }: DownloadOptions): ModelError {
  const size = found.bytes > bytes ? `more than ${bytes}` : String(found.bytes);
  return new ModelError(
    'model_hash_mismatch',
    `What ${source} sent for ${name} is not the expected file: expected sha256:${sha256} (${bytes} bytes), ` +
      `found sha256:${found.sha256} (${size} bytes). It was deleted. Correct that source, or set MODEL_BASE_URL to one ` +
      'that has the right file.',
  );
}

const describe = (error: unknown): string =>
  systemCode(error) ?? (error instanceof Error ? error.message : String(error));
