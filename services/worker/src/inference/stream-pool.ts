/**
 * The streams of a worker. It starts them, lends idle ones to the batcher, and replaces those that die.
 *
 * Beside them there may be a solo stream, with more threads than they have: an image that is alone in the worker, with none
 * being decoded, waiting or run beside it, goes there and has the whole machine; whatever comes meanwhile goes to the
 * others. Under load it is never used. Trade-off: its session's working memory (the weights are shared), and for the time of one
 * run more threads than cores.
 * Invariant: a stream is idle, lent, or dead and being replaced; `capacity` counts the first two. When a replacement
 * cannot be started, or streams die faster than a healthy machine explains, the pool reports it as fatal: the
 * process then exits and its jobs go to other workers, which is safer than a worker that holds jobs and runs none.
 */
import { disableTelemetry } from './hardware.js';
import { InferenceStream, type RunResult, type StreamSettings } from './stream.js';
import { warmUpSizes, type TensorNames } from './thread-protocol.js';

export interface StreamPoolOptions {
  readonly settings: Omit<StreamSettings, 'warmUp'>;
  readonly streams: number;
  /** Threads of the solo stream, and whether the image at hand is alone in the worker; undefined: there is none. */
  readonly solo?: { readonly intraOpThreads: number; readonly isAlone: () => boolean } | undefined;
  /** Longest time one run may take, in ms; what the warm-up says by default. */
  readonly runLimitMs?: number | undefined;
  readonly onRestart: (error: string) => void;
  /** With StreamStuck where the process cannot end by itself, as a thread of it never will. */
  readonly onFatal: (error: Error) => void;
}

/** More deaths than this within the window below are not bad luck. */
const maxDeaths = 5;
const deathWindowMs = 60_000;

export class StreamPool {
  #idle: InferenceStream[] = [];
  readonly #started = new Set<InferenceStream>();
  /** Streams that are loading the model: as a run, that may not be cut short. */
  readonly #starting = new Set<Promise<unknown>>();
  /** Set while the solo stream is idle. */
  #solo: InferenceStream | undefined;
  #deaths: number[] = [];
  #stopped = false;
  #onIdle: () => void = () => undefined;
  #maxBatch: number;
  #unexplained: string | undefined;
  readonly #settings: StreamSettings;
  readonly #load: LoadMeter;
  warmUpMs: Readonly<Record<number, number>> = {};
  names: TensorNames | undefined;

  private constructor(private readonly options: StreamPoolOptions) {
    this.#maxBatch = options.settings.maxBatch;
    this.#load = new LoadMeter(options.streams);
    this.#settings = { ...options.settings, warmUp: warmUpSizes(options.settings.maxBatch) };
  }

  /** Starts every stream; rejects with the reason if the model cannot run. */
  static async start(options: StreamPoolOptions): Promise<StreamPool> {
    disableTelemetry();
    const pool = new StreamPool(options);
    const starts = await Promise.allSettled([
      ...Array.from({ length: options.streams }, () => pool.#add()),
      ...(options.solo === undefined ? [] : [pool.#addSolo(options.solo.intraOpThreads)]),
    ]);
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed !== undefined) {
      await pool.stop();
      throw failed.reason;
    }
    return pool;
  }

  /** Streams that could run a batch now, without the solo stream. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Most images in one run: what was asked for, or less where the model's shape says so. */
  get maxBatch(): number {
    return this.#maxBatch;
  }

  /** Longest time one run may take on any of its streams, in ms. */
  get runLimitMs(): number {
    return Math.max(...[...this.#started].map(({ limitMs }) => limitMs));
  }

  /** Share of the streams that were busy since this was last asked; a run of the solo stream keeps all of them. */
  takeLoad(): number {
    return this.#load.take();
  }

  /** Why one of its streams can explain nothing, where they were to. */
  get unexplained(): string | undefined {
    return this.#unexplained;
  }

  /** Whom to tell when a stream becomes idle. */
  set onIdle(listener: () => void) {
    this.#onIdle = listener;
  }

  /**
   * Runs one batch on an idle stream; `read` sees the rows before the stream is given back. `explained`: places in the batch
   * of the images whose maps are wanted.
   */
  async run<T>(
    slots: readonly number[],
    read: (result: RunResult & { solo: boolean }) => T,
    explained: readonly number[] = [],
  ): Promise<T> {
    const solo = slots.length === 1 && this.options.solo?.isAlone() === true ? this.#solo : undefined;
    const stream = solo ?? this.#idle.pop();
    if (stream === undefined) throw new Error('no stream is idle');
    if (solo !== undefined) this.#solo = undefined;
    const share = solo === undefined ? 1 : this.options.streams;
    this.#load.begin(share);
    try {
      return read({ ...(await stream.run(slots, explained)), solo: solo !== undefined });
    } finally {
      this.#load.end(share);
      if (stream.alive && !this.#stopped) {
        if (solo === undefined) this.#idle.push(stream);
        else this.#solo = solo;
        this.#onIdle();
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const streams = [...this.#started];
    this.#started.clear();
    this.#idle = [];
    this.#solo = undefined;
    await Promise.all(streams.map((stream) => stream.stop()));
    // Each finds that the pool has stopped, and ends itself.
    await Promise.allSettled([...this.#starting]);
  }

  async #add(): Promise<void> {
    const { stream, maxBatch, warmUpMs, names } = await this.#start(this.#settings, () => this.#add());
    this.#maxBatch = Math.min(this.#maxBatch, maxBatch);
    this.warmUpMs = warmUpMs;
    this.names = names;
    this.#idle.push(stream);
    this.#onIdle();
  }

  async #addSolo(intraOpThreads: number): Promise<void> {
    const settings = { ...this.#settings, intraOpThreads, maxBatch: 1, warmUp: [1] };
    const { stream } = await this.#start(settings, () => this.#addSolo(intraOpThreads));
    this.#solo = stream;
  }

  #start(settings: StreamSettings, startAgain: () => Promise<void>) {
    const starting = this.#startOne(settings, startAgain).finally(() => this.#starting.delete(starting));
    this.#starting.add(starting);
    return starting;
  }

  async #startOne(settings: StreamSettings, startAgain: () => Promise<void>) {
    const events = {
      onDeath: (dead: InferenceStream) => {
        this.#replace(dead, startAgain);
      },
      onStuck: this.options.onFatal,
    };
    const started = await InferenceStream.start(settings, events, this.options.runLimitMs);
    this.#started.add(started.stream);
    this.#unexplained ??= started.unexplained;
    if (this.#stopped) {
      await started.stream.stop();
      throw new Error('the streams were stopped');
    }
    return started;
  }

  #replace(dead: InferenceStream, startAgain: () => Promise<void>): void {
    this.#started.delete(dead);
    this.#idle = this.#idle.filter((stream) => stream !== dead);
    if (this.#solo === dead) this.#solo = undefined;
    if (this.#stopped) return;
    const now = Date.now();
    this.#deaths = [...this.#deaths.filter((time) => now - time < deathWindowMs), now];
    if (this.#deaths.length > maxDeaths) {
      this.options.onFatal(new Error(`${this.#deaths.length} inference threads died within a minute`));
      return;
    }
    this.options.onRestart('an inference thread died; starting another');
    startAgain().catch((error: unknown) => {
      if (!this.#stopped) this.options.onFatal(error instanceof Error ? error : new Error(String(error)));
    });
  }
}

/** Which share of the streams was busy: the time that each spent running, of the time that all had. */
export class LoadMeter {
  #busy = 0;
  /** Stream milliseconds since the last look. */
  #spent = 0;
  #looked: number;
  #accounted: number;

  constructor(
    private readonly streams: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#looked = this.#accounted = now();
  }

  /** `streams` of them run from now on: all, where one run has the whole machine. */
  begin(streams: number): void {
    this.#account();
    this.#busy += streams;
  }

  end(streams: number): void {
    this.#account();
    this.#busy -= streams;
  }

  /** The share since it was last asked for, 0 to 1. */
  take(): number {
    this.#account();
    const had = (this.#accounted - this.#looked) * this.streams;
    const share = had > 0 ? this.#spent / had : 0;
    this.#spent = 0;
    this.#looked = this.#accounted;
    return share;
  }

  #account(): void {
    const now = this.now();
    // A run of the solo stream may go beside others.
    this.#spent += Math.min(this.#busy, this.streams) * (now - this.#accounted);
    this.#accounted = now;
  }
}
