/**
 * Preprocessing off the main thread: a few threads, each with several pictures under way.
 *
 * A picture is sent to the thread that has the fewest, and its crop is written by it into the slot that was named, or, if the
 * thread dies, answered by an error that lets another attempt be made. A dead thread is replaced when the next picture comes; it warms itself first.
 *
 * States of a thread: starting → ready → dead; or silent, where it is not ready after `startMs`, or has pictures and answers none
 * for `silenceMs`. A silent thread is ended. Its pictures are rejected when it is dead, since it may write into their slots until
 * then. Where it cannot be ended, `onStuck` is called.
 * Invariant: every request is settled exactly once, or the process ends.
 * Trade-off: who hands in a picture has it no more; in return the main thread copies nothing, computes nothing and holds no
 * pixels, whatever the picture's size.
 */
import { Worker } from 'node:worker_threads';
import { ImageError } from '@quintet/images';
import { Watchdog, type WatchedPlace } from '@quintet/shared';
import { stops, reasonOf } from '../errors.js';
import type { PictureSize } from './geometry.js';
import type { PreprocessReply, PreprocessRequest, PreprocessSettings, ThreadReady } from './preprocess-thread.js';
import type { PreprocessorOptions } from './preprocessor.js';

export interface PreprocessPool {
  /** Starts the threads; resolves when all are warm, rejects if one cannot start. */
  start(): Promise<void>;
  /**
   * Writes the model's crop of one encoded picture into `slot`, and resolves to the picture's size. `bytes` is given
   * away: it is empty afterwards. Rejects with ImageError if the picture cannot be used, with OrderStopped if it
   * should go to another worker; the slot may be given to another as soon as the promise has settled.
   */
  preprocess(bytes: Buffer, slot: number): Promise<PictureSize>;
  close(): Promise<void>;
}

interface Pending {
  resolve(size: PictureSize): void;
  reject(error: Error): void;
  /** Tells the watchdog that it is answered. */
  leave: () => void;
}

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  readonly ready: Promise<void>;
  readonly place: WatchedPlace;
}

interface Supervision {
  readonly watchdog: Watchdog;
  /** A thread answers nothing and cannot be ended. */
  readonly onStuck: (error: Error) => void;
}

/** In decode time limits: for how long a thread with pictures may answer none. A picture that is given up keeps its memory for two. */
const silentLimits = 3;
/** How long a thread may take to start, and to end. */
const startMs = 60_000;
const terminationMs = 5000;

/** How long a thread may answer nothing. `timeoutMs`: of decoding one picture. */
export function silenceMs(timeoutMs: number): number {
  return silentLimits * timeoutMs;
}

/** As in thread-decoder.ts: always the compiled file, from `src` (tests, after the build) and from `dist`. */
const threadFile = new URL('../../dist/preprocess/preprocess-thread.js', import.meta.url);

/** `slots`: uint8 [n, crop, crop, 3], shared with whoever reads the crops. */
export function createPreprocessPool(
  options: PreprocessorOptions,
  slots: SharedArrayBuffer,
  size: number,
  { watchdog = new Watchdog(), onStuck = () => undefined }: Partial<Supervision> = {},
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
    const onStalled = (): void => {
      end(thread);
    };
    const starting = watchdog.watch({ name: 'starting threads', limitMs: startMs, onStalled });
    ready
      .then(starting.enter(), () => undefined)
      .finally(() => {
        starting.close();
      });
    const limitMs = silenceMs(options.timeoutMs);
    const place = watchdog.watch({ name: 'pictures of a preprocessing thread', limitMs, onStalled });
    const thread: Thread = { worker, pending: new Map(), ready, place };
    const die = (reason: string): void => {
      threads.delete(thread);
      place.close();
      failToStart(new Error(`the preprocessing thread did not start: ${reason}`));
      for (const request of thread.pending.values())
        request.reject(new Error(`the preprocessing thread died: ${reason}`));
      thread.pending.clear();
    };
    const answered = (reply: PreprocessReply): void => {
      const pending = thread.pending.get(reply.id);
      thread.pending.delete(reply.id);
      pending?.leave();
      if ('done' in reply) pending?.resolve(reply.done);
      else if ('waitedTooLong' in reply) pending?.reject(stops.noMemory());
      else if (reply.code !== undefined) pending?.reject(new ImageError(reply.code, reply.detail));
      else pending?.reject(new Error(reply.detail));
    };
    worker.on('message', (reply: PreprocessReply | ThreadReady) => {
      if ('ready' in reply) becomeReady();
      else answered(reply);
    });
    worker.on('error', (error: unknown) => {
      die(reasonOf(error));
    });
    worker.on('exit', (code) => {
      die(`exit code ${code}`);
    });
    threads.add(thread);
    return thread;
  }

  /** Takes a silent thread out of use, and ends it. */
  function end(thread: Thread): void {
    threads.delete(thread);
    const stuck = setTimeout(() => {
      onStuck(new Error('a preprocessing thread answers nothing and cannot be ended'));
    }, terminationMs);
    thread.worker
      .terminate()
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(stuck);
      });
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
        const { worker, pending, place, ready } = leastLoaded();
        const id = nextId++;
        const request: Pending = { resolve, reject, leave: () => undefined };
        pending.set(id, request);
        // While the thread starts, that is watched. Where it cannot, its pictures are rejected as it dies.
        ready.then(
          () => {
            if (pending.has(id)) request.leave = place.enter();
          },
          () => undefined,
        );
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
