/**
 * The streams of a worker. It starts them, lends idle ones to the batcher, and replaces those that die.
 *
 * Invariant: a stream is idle, lent, or dead and being replaced; `capacity` counts the first two. When a replacement
 * cannot be started, or streams die faster than a healthy machine explains, the pool reports it as fatal: the
 * process then exits and its jobs go to other workers, which is safer than a worker that holds jobs and runs none.
 */
import { disableTelemetry } from './onnx-runtime.js';
import { InferenceStream, type RunResult, type StreamSettings } from './stream.js';
import { warmUpSizes } from './thread-protocol.js';

export interface StreamPoolOptions {
  readonly settings: Omit<StreamSettings, 'warmUp'>;
  readonly streams: number;
  readonly onRestart: (error: string) => void;
  readonly onFatal: (error: Error) => void;
}

/** More deaths than this within the window below are not bad luck. */
const maxDeaths = 5;
const deathWindowMs = 60_000;

export class StreamPool {
  #idle: InferenceStream[] = [];
  #all = new Set<InferenceStream>();
  #deaths: number[] = [];
  #stopped = false;
  #onIdle: () => void = () => undefined;
  #maxBatch: number;
  readonly #settings: StreamSettings;
  warmUpMs: Readonly<Record<number, number>> = {};

  private constructor(private readonly options: StreamPoolOptions) {
    this.#maxBatch = options.settings.maxBatch;
    this.#settings = { ...options.settings, warmUp: warmUpSizes(options.settings.maxBatch) };
  }

  /** Starts every stream; rejects with the reason if the model cannot run. */
  static async start(options: StreamPoolOptions): Promise<StreamPool> {
    disableTelemetry();
    const pool = new StreamPool(options);
    const starts = await Promise.allSettled(Array.from({ length: options.streams }, () => pool.#add()));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed !== undefined) {
      await pool.stop();
      throw failed.reason;
    }
    return pool;
  }

  /** Streams that could run a batch now. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Most images in one run: what was asked for, or less where the model's shape says so. */
  get maxBatch(): number {
    return this.#maxBatch;
  }

  /** Whom to tell when a stream becomes idle. */
  set onIdle(listener: () => void) {
    this.#onIdle = listener;
  }

  /** Runs one batch on an idle stream; `read` sees the rows before the stream is given back. */
  async run<T>(slots: readonly number[], read: (result: RunResult) => T): Promise<T> {
    const stream = this.#idle.pop();
    if (stream === undefined) throw new Error('no stream is idle');
    try {
      return read(await stream.run(slots));
    } finally {
      if (this.#all.has(stream)) {
        this.#idle.push(stream);
        this.#onIdle();
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const streams = [...this.#all];
    this.#all.clear();
    this.#idle = [];
    await Promise.all(streams.map((stream) => stream.stop()));
  }

  async #add(): Promise<void> {
    const { stream, maxBatch, warmUpMs } = await InferenceStream.start(this.#settings, (dead) => {
      this.#replace(dead);
    });
    if (this.#stopped) {
      await stream.stop();
      return;
    }
    this.#maxBatch = Math.min(this.#maxBatch, maxBatch);
    this.warmUpMs = warmUpMs;
    this.#all.add(stream);
    this.#idle.push(stream);
    this.#onIdle();
  }

  #replace(dead: InferenceStream): void {
    this.#all.delete(dead);
    this.#idle = this.#idle.filter((stream) => stream !== dead);
    if (this.#stopped) return;
    const now = Date.now();
    this.#deaths = [...this.#deaths.filter((time) => now - time < deathWindowMs), now];
    if (this.#deaths.length > maxDeaths) {
      this.options.onFatal(new Error(`${this.#deaths.length} inference threads died within a minute`));
      return;
    }
    this.options.onRestart('an inference thread died; starting another');
    this.#add().catch((error: unknown) => {
      this.options.onFatal(error instanceof Error ? error : new Error(String(error)));
    });
  }
}
