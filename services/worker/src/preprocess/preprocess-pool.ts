/**
 * Preprocessing off the main thread: a few threads, each with several pictures under way.
 *
 * A picture is sent to the thread that has the fewest, and its crop is written by it into the slot that was named, or, if the
 * thread dies, answered by an error that lets another attempt be made. A dead thread is replaced when the next picture comes; it warms itself first.
 * Invariant: every request is settled exactly once.
 * Trade-off: who hands in a picture has it no more; in return the main thread copies nothing, computes nothing and holds no
 * pixels, whatever the picture's size.
 */
import { Worker } from 'node:worker_threads';
import { ImageError } from '@quintet/images';
import type { PictureSize } from './geometry.js';
import type { PreprocessReply, PreprocessRequest, PreprocessSettings, ThreadReady } from './preprocess-protocol.js';
import type { PreprocessorOptions } from './preprocessor.js';

export interface PreprocessPool {
  /** Starts the threads; resolves when all are warm, rejects if one cannot start. */
  start(): Promise<void>;
  /**
   * Writes the model's crop of one encoded picture into `slot`, and resolves to the picture's size. `bytes` is given away: it is
   * empty afterwards. Rejects with ImageError if the picture cannot be used; the slot may be given to another as soon as the
   * promise has settled.
   */
  preprocess(bytes: Buffer, slot: number): Promise<PictureSize>;
  close(): Promise<void>;
}

interface Pending {
  resolve(size: PictureSize): void;
  reject(error: Error): void;
}

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  readonly ready: Promise<void>;
}

/** As in thread-decoder.ts: always the compiled file, from `src` (tests, after the build) and from `dist`. */
const threadFile = new URL('../../dist/preprocess/preprocess-thread.js', import.meta.url);

/** `slots`: uint8 [n, crop, crop, 3], shared with whoever reads the crops. */
export function createPreprocessPool(
  options: PreprocessorOptions,
  slots: SharedArrayBuffer,
  size: number,
): PreprocessPool {
  const workerData: PreprocessSettings = { options, slots };
  const threads = new Set<Thread>();
  let nextId = 0;
  let closed = false;

  function start(): Thread {
    const worker = new Worker(threadFile, { workerData, name: 'preprocess' });
    let becomeReady = (): void => undefined;
    let failToStart = (_error: Error): void => undefined;
    const ready = new Promise<void>((resolve, reject) => {
      becomeReady = resolve;
      failToStart = reject;
    });
    // A thread that replaces a dead one is awaited by nobody; its pictures are told.
    ready.catch(() => undefined);
    const thread: Thread = { worker, pending: new Map(), ready };
    const die = (reason: string): void => {
      threads.delete(thread);
      failToStart(new Error(`the preprocessing thread did not start: ${reason}`));
      for (const request of thread.pending.values())
        request.reject(new Error(`the preprocessing thread died: ${reason}`));
      thread.pending.clear();
    };
    worker.on('message', (reply: PreprocessReply | ThreadReady) => {
      if ('ready' in reply) {
        becomeReady();
        return;
      }
      const pending = thread.pending.get(reply.id);
      thread.pending.delete(reply.id);
      if ('done' in reply) pending?.resolve(reply.done);
      else if (reply.code !== undefined) pending?.reject(new ImageError(reply.code, reply.detail));
      else pending?.reject(new Error(reply.detail));
    });
    worker.on('error', (error: unknown) => {
      die(error instanceof Error ? error.message : String(error));
    });
    worker.on('exit', (code) => {
      die(`exit code ${code}`);
    });
    threads.add(thread);
    return thread;
  }

  function fill(): void {
    while (threads.size < size) start();
  }

  function leastLoaded(): Thread {
    fill();
    return [...threads].reduce((best, thread) => (thread.pending.size < best.pending.size ? thread : best));
  }

  return {
    start: async () => {
      fill();
      await Promise.all([...threads].map(({ ready }) => ready));
    },
    preprocess: (bytes, slot) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(new Error('preprocessing has been closed'));
          return;
        }
        const { worker, pending } = leastLoaded();
        const id = nextId++;
        pending.set(id, { resolve, reject });
        const own = ownMemory(bytes);
        worker.postMessage({ id, bytes: own, slot } satisfies PreprocessRequest, [own]);
      }),
    close: async () => {
      closed = true;
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}

/** The memory of `bytes` alone, which another thread may have: its own where nothing else is in it, else a copy. */
function ownMemory({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  const isAlone = buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength;
  return isAlone ? buffer : new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
}
