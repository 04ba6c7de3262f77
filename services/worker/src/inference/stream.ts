/**
 * One inference stream: a thread with a session, seen from the main thread.
 *
 * States: starting → idle ⇄ running → dead. `start` resolves when idle, or rejects with the reason why the model
 * cannot run. A thread that dies while running rejects its run; `onDeath` then lets the pool replace it.
 * Invariant: at most one run at a time, so the logits are never written while they are read.
 */
import { Worker } from 'node:worker_threads';
import type { FromThread, SessionSettings, ToThread } from './thread-protocol.js';

export interface RunResult {
  /** One row of logits per image; valid until the next run of this stream. */
  readonly rows: readonly Float32Array[];
  readonly milliseconds: number;
}

export class StreamDied extends Error {
  constructor(reason: string) {
    super(`the inference thread died: ${reason}`);
    this.name = 'StreamDied';
  }
}

interface Pending {
  readonly count: number;
  resolve(result: RunResult): void;
  reject(error: Error): void;
}

export type StreamSettings = Omit<SessionSettings, 'logits'>;

const threadFile = new URL('./session-thread.js', import.meta.url);

export class InferenceStream {
  readonly #thread: Worker;
  readonly #classes: number;
  readonly #logits: Float32Array;
  #pending: Pending | undefined;
  #dead = false;

  private constructor(settings: StreamSettings, onDeath: (stream: InferenceStream) => void) {
    this.#classes = settings.classes;
    const logits = new SharedArrayBuffer(settings.maxBatch * settings.classes * Float32Array.BYTES_PER_ELEMENT);
    this.#logits = new Float32Array(logits);
    const workerData: SessionSettings = { ...settings, logits };
    this.#thread = new Worker(threadFile, { workerData, name: 'inference' });
    this.#thread.on('error', (error: unknown) => {
      this.#die(error instanceof Error ? error.message : String(error), onDeath);
    });
    this.#thread.on('exit', (code) => {
      this.#die(`exit code ${code}`, onDeath);
    });
  }

  /** Starts a thread and resolves when it is warm. `maxBatch` in the answer is what the model allows. */
  static async start(
    settings: StreamSettings,
    onDeath: (stream: InferenceStream) => void,
  ): Promise<{ stream: InferenceStream; maxBatch: number; warmUpMs: Readonly<Record<number, number>> }> {
    let ready = false;
    const stream = new InferenceStream(settings, (dead) => {
      if (ready) onDeath(dead);
    });
    const thread = stream.#thread;
    const first = await new Promise<FromThread>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', (code) => {
        reject(new StreamDied(`exit code ${code} while it was loading the model`));
      });
    });
    if (first.type !== 'ready') {
      await thread.terminate();
      throw new Error(first.type === 'unusable' ? first.reason : `unexpected message ${first.type}`);
    }
    ready = true;
    thread.on('message', (message: FromThread) => {
      stream.#settle(message);
    });
    return { stream, maxBatch: first.maxBatch, warmUpMs: first.warmUpMs };
  }

  /** Starts `count` streams alike; where one cannot start, stops the others and rejects with its reason. */
  static async startAll(
    settings: StreamSettings,
    count: number,
  ): Promise<{ streams: readonly InferenceStream[]; maxBatch: number }> {
    const starts = await Promise.allSettled(
      Array.from({ length: count }, () => InferenceStream.start(settings, () => undefined)),
    );
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const streams = started.map(({ stream }) => stream);
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed === undefined) return { streams, maxBatch: Math.min(...started.map(({ maxBatch }) => maxBatch)) };
    await Promise.all(streams.map((stream) => stream.stop()));
    throw failed.reason;
  }

  get alive(): boolean {
    return !this.#dead;
  }

  /** Runs the model on the crops in `slots`, at most `maxBatch`. Rejects if the model fails or the thread dies. */
  run(slots: readonly number[]): Promise<RunResult> {
    if (this.#dead) return Promise.reject(new StreamDied('it is gone'));
    if (this.#pending !== undefined) return Promise.reject(new Error('the stream is busy'));
    return new Promise((resolve, reject) => {
      this.#pending = { count: slots.length, resolve, reject };
      this.#thread.postMessage({ slots } satisfies ToThread);
    });
  }

  /** Ends the thread; a run under way is finished first by the runtime, as native code cannot be interrupted. */
  async stop(): Promise<void> {
    this.#dead = true;
    await this.#thread.terminate();
  }

  #settle(message: FromThread): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    if (message.type === 'done') {
      const rows = Array.from({ length: pending.count }, (_, index) =>
        this.#logits.subarray(index * this.#classes, (index + 1) * this.#classes),
      );
      pending.resolve({ rows, milliseconds: message.milliseconds });
    } else {
      pending.reject(new Error(message.type === 'failed' ? message.reason : `unexpected message ${message.type}`));
    }
  }

  #die(reason: string, onDeath: (stream: InferenceStream) => void): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(new StreamDied(reason));
    if (this.#dead) return;
    this.#dead = true;
    onDeath(this);
  }
}
