/**
 * A decoder in a thread that can be killed.
 *
 * States: no thread → (first request) idle thread → (request) busy → (reply) idle. From busy, a reply that says `retire`,
 * the time limit, or the death of the thread lead back to no thread; the next request starts a new one. `close` ends in
 * no thread for good, failing what waits.
 * Invariant: a thread has at most one request, and every request is settled exactly once, by its reply or by the end of
 * the thread that held it.
 * Trade-off: one thread, so HEIC pictures of a worker are decoded one after another; phones send few of them, and a
 * second thread would cost 70 MB for the rest of the process's life.
 *
 * The thread's file is always the compiled one: `../../dist/preprocess/` is right from `src/preprocess` (tests, which run
 * after the build) and from `dist/preprocess` itself.
 */
import { Worker } from 'node:worker_threads';
import { ImageError, undecodable } from '@quintet/images';
import type { Raster } from './crop-with-sharp.js';
import { DecoderUnavailableError, decodeTimeout } from './decode-error.js';
import type { DecodeReply, DecodeRequest, ThreadMessage } from './decode-thread.js';

interface ThreadDecoderOptions {
  readonly maxPixels: number;
  /** How long one decode may take, counted from when the thread gets it. */
  readonly timeoutMs: number;
}

interface Pending {
  readonly bytes: Buffer;
  resolve(raster: Raster): void;
  reject(error: Error): void;
}

const threadFile = new URL('../../dist/preprocess/decode-thread.js', import.meta.url);
/** JavaScript heap of the thread. Pixels and WebAssembly memory lie outside; `maxPixels` bounds those. */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };

export class ThreadDecoder {
  readonly #options: ThreadDecoderOptions;
  readonly #waiting: Pending[] = [];
  #thread: Worker | undefined;
  #current: { pending: Pending; timer: NodeJS.Timeout } | undefined;
  #closed = false;

  constructor(options: ThreadDecoderOptions) {
    this.#options = options;
  }

  /** Decodes one picture to RGB. Rejects with an ImageError, or DecoderUnavailableError. `bytes` is copied, never taken. */
  decode(bytes: Buffer): Promise<Raster> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closed());
        return;
      }
      this.#waiting.push({ bytes, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const pending of this.#waiting.splice(0)) pending.reject(closed());
    await this.#discard(closed());
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const pending = this.#waiting.shift();
    if (pending === undefined) {
      this.#thread?.unref();
      return;
    }
    this.#thread ??= this.#start();
    this.#thread.ref();
    const timer = setTimeout(() => void this.#discard(decodeTimeout()), this.#options.timeoutMs);
    this.#current = { pending, timer };
    const copy = new Uint8Array(pending.bytes).buffer;
    const request: DecodeRequest = { bytes: copy, maxPixels: this.#options.maxPixels };
    this.#thread.postMessage(request, [copy]);
  }

  #start(): Worker {
    const thread = new Worker(threadFile, { resourceLimits, execArgv: [] });
    let ready = false;
    const died = (error?: Error): void => {
      if (this.#thread !== thread) return;
      const why = error?.message ?? 'it ended';
      // A thread that never got as far as its first message is a broken installation, not a bad picture.
      const reason = ready
        ? undecodable(`The HEIC decoder failed: ${why}`, error)
        : new DecoderUnavailableError(`The decode thread cannot start: ${why}`, { cause: error });
      void this.#discard(reason);
    };
    thread.on('message', (message: ThreadMessage) => {
      ready = true;
      if (message !== 'ready' && this.#thread === thread) this.#settle(message);
    });
    thread.on('error', died);
    thread.on('exit', () => {
      died();
    });
    return thread;
  }

  #settle(reply: DecodeReply): void {
    const pending = this.#release();
    if (reply.ok) {
      const { width, height } = reply;
      pending?.resolve({ data: new Uint8Array(reply.pixels, 0, width * height * 3), width, height });
    } else {
      pending?.reject(new ImageError(reply.code, reply.detail));
    }
    if (reply.retire) void this.#discard();
    else this.#next();
  }

  #release(): Pending | undefined {
    clearTimeout(this.#current?.timer);
    const pending = this.#current?.pending;
    this.#current = undefined;
    return pending;
  }

  /** Ends the thread, fails what it held, and goes on with what waits. */
  async #discard(reason?: Error): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    const pending = this.#release();
    if (pending !== undefined && reason !== undefined) pending.reject(reason);
    this.#next();
    await thread?.terminate();
  }
}

function closed(): DecoderUnavailableError {
  return new DecoderUnavailableError('The decoder is closed.');
}
