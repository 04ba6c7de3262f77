/**
 * One inference stream: a thread with a session, seen from the main thread.
 *
 * States: starting → idle ⇄ running → dead. `start` resolves when idle, or rejects with the reason why the model
 * cannot run. A thread that dies while running rejects its run; `onDeath` then lets the pool replace it.
 *   running → dead, by the watchdog: a run that takes longer than `runLimitMs` is rejected and its thread is ended
 *   dead → stuck: a thread in native code that never returns cannot be ended; `onStuck` says so
 * Invariant: at most one run at a time, so the logits are never written while they are read.
 * Trade-off: the limit is a hundred times the slowest run of the warm-up, and half a minute at least: it is there for what
 * hangs, never for what is slow because the machine is busy.
 */
import { Worker } from 'node:worker_threads';
import { reasonOf } from '../errors.js';
import type { ClassMap } from '../explain/class-map.js';
import type { FromThread, SessionSettings, TensorNames, ToThread } from './thread-protocol.js';

export interface RunResult {
  /** One row of logits per image; valid until the next run of this stream. */
  readonly rows: readonly Float32Array[];
  readonly milliseconds: number;
  /** Of the images that were to be explained, in their order: the map of the most likely class. */
  readonly maps: readonly ClassMap[];
}

export interface Started {
  readonly stream: InferenceStream;
  /** Most images in one run, as far as the model allows. */
  readonly maxBatch: number;
  readonly warmUpMs: Readonly<Record<number, number>>;
  readonly names: TensorNames;
  /** Why it can explain nothing, where it was to. */
  readonly unexplained: string | undefined;
}

const died = (reason: string): Error => new Error(`the inference thread died: ${reason}`);

interface Pending {
  readonly count: number;
  readonly timer: NodeJS.Timeout;
  resolve(result: RunResult): void;
  reject(error: Error): void;
}

export type StreamSettings = Omit<SessionSettings, 'logits'>;

interface StreamEvents {
  /** The thread is gone, and may be replaced. */
  readonly onDeath: (stream: InferenceStream) => void;
  /** The thread hangs and cannot be ended: its memory, and maybe a core, are lost until the process ends. */
  readonly onStuck: (error: Error) => void;
}

const leastLimitMs = 30_000;
const limitFactor = 100;
/** How long a thread that hangs in JavaScript takes to end, at most. */
const terminationMs = 5000;

/** For streams that only measure: who waits for a run learns of its end. */
const unwatched: StreamEvents = { onDeath: () => undefined, onStuck: () => undefined };

const threadFile = new URL('./session-thread.js', import.meta.url);

export class InferenceStream {
  readonly #thread: Worker;
  readonly #classes: number;
  readonly #logits: Float32Array;
  #pending: Pending | undefined;
  #dead = false;
  #onReleased: () => void = () => undefined;
  #limitMs: number;

  private constructor(
    settings: StreamSettings,
    private readonly events: StreamEvents,
    runLimitMs: number | undefined,
  ) {
    this.#limitMs = runLimitMs ?? leastLimitMs;
    this.#classes = settings.classes;
    const logits = new SharedArrayBuffer(settings.maxBatch * settings.classes * Float32Array.BYTES_PER_ELEMENT);
    this.#logits = new Float32Array(logits);
    const workerData: SessionSettings = { ...settings, logits };
    this.#thread = new Worker(threadFile, { workerData, name: 'inference' });
    this.#thread.on('error', (error: unknown) => {
      this.#die(reasonOf(error));
    });
    this.#thread.on('exit', (code) => {
      this.#die(`exit code ${code}`);
    });
  }

  /** Starts a thread and resolves when it is warm. `runLimitMs`: longest time one run may take, in place of what the warm-up says. */
  static async start(
    settings: StreamSettings,
    { onDeath, onStuck }: StreamEvents,
    runLimitMs?: number,
  ): Promise<Started> {
    let ready = false;
    const stream = new InferenceStream(
      settings,
      {
        onDeath: (dead) => {
          if (ready) onDeath(dead);
        },
        onStuck,
      },
      runLimitMs,
    );
    const thread = stream.#thread;
    const first = await new Promise<FromThread>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', (code) => {
        reject(died(`exit code ${code} while it was loading the model`));
      });
    });
    if (first.type !== 'ready') {
      await thread.terminate();
      throw new Error(first.type === 'unusable' ? first.reason : `unexpected message ${first.type}`);
    }
    ready = true;
    const slowest = Math.max(0, ...Object.values(first.warmUpMs));
    stream.#limitMs = runLimitMs ?? Math.max(leastLimitMs, limitFactor * slowest);
    thread.on('message', (message: FromThread) => {
      stream.#settle(message);
    });
    const { maxBatch, warmUpMs, names, unexplained } = first;
    return { stream, maxBatch, warmUpMs, names, unexplained };
  }

  /** Starts `count` streams alike; where one cannot start, stops the others and rejects with its reason. */
  static async startAll(
    settings: StreamSettings,
    count: number,
  ): Promise<{ streams: readonly InferenceStream[]; maxBatch: number }> {
    const starts = await Promise.allSettled(
      Array.from({ length: count }, () => InferenceStream.start(settings, unwatched)),
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

  /** Longest time one run may take. */
  get limitMs(): number {
    return this.#limitMs;
  }

  /**
   * Runs the model on the crops in `slots`, at most `maxBatch`, and explains those with the places `explained` among them.
   * Rejects if the model fails or the thread dies.
   */
  run(slots: readonly number[], explained: readonly number[] = []): Promise<RunResult> {
    if (this.#dead) return Promise.reject(died('it is gone'));
    if (this.#pending !== undefined) return Promise.reject(new Error('the stream is busy'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#hang();
      }, this.#limitMs);
      this.#pending = { count: slots.length, timer, resolve, reject };
      this.#thread.postMessage({ slots, explained } satisfies ToThread);
    });
  }

  /**
   * Ends the thread, when the run under way is done or has taken `terminationMs` more: native code that returns into a thread
   * which is being ended throws where nobody catches, and takes the process with it.
   */
  async stop(): Promise<void> {
    this.#dead = true;
    if (this.#pending !== undefined) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onReleased = resolve;
        timer = setTimeout(resolve, terminationMs);
      });
      clearTimeout(timer);
    }
    await this.#thread.terminate();
  }

  #settle(message: FromThread): void {
    const pending = this.#release();
    if (pending === undefined) return;
    if (message.type === 'done') {
      const rows = Array.from({ length: pending.count }, (_, index) =>
        this.#logits.subarray(index * this.#classes, (index + 1) * this.#classes),
      );
      pending.resolve({ rows, milliseconds: message.milliseconds, maps: message.maps });
    } else {
      pending.reject(new Error(message.type === 'failed' ? message.reason : `unexpected message ${message.type}`));
    }
  }

  #release(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    clearTimeout(pending?.timer);
    this.#onReleased();
    return pending;
  }

  #die(reason: string): void {
    this.#release()?.reject(died(reason));
    if (this.#dead) return;
    this.#dead = true;
    this.events.onDeath(this);
  }

  /** No answer in time. The run is given up at once; what replaces the thread waits until it has really ended. */
  #hang(): void {
    this.#release()?.reject(died(`no answer within ${this.#limitMs / 1000} s`));
    if (this.#dead) return;
    this.#dead = true;
    const stuck = setTimeout(() => {
      this.events.onStuck(new Error('an inference thread hangs in native code and cannot be ended'));
    }, terminationMs);
    this.#thread
      .terminate()
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(stuck);
        this.events.onDeath(this);
      });
  }
}
