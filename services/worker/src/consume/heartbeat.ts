/** Tells the API, again and again, that this worker lives, what it serves, how fast it is and how busy. */
import { heartbeatIntervalMs, type ClassLabel, type Logger, type Presence, type WorkerPresence } from '@quintet/shared';
import type { StreamPool } from '../inference/stream-pool.js';

interface Heartbeat {
  /** Stops, and takes the worker off the list. */
  stop(): Promise<void>;
}

/** `meter` and `pool` are read anew for each beat. */
export async function startHeartbeat(
  presence: Presence,
  worker: Omit<WorkerPresence, 'rate' | 'usage'>,
  labels: readonly ClassLabel[],
  meter: RateMeter,
  pool: StreamPool,
  logger: Logger,
): Promise<Heartbeat> {
  let running: Promise<void> | undefined;
  const beat = async (): Promise<void> => {
    const usage = {
      load: Math.round(pool.takeLoad() * 1000) / 1000,
      active: meter.held,
      memory_bytes: process.memoryUsage.rss(),
    };
    await presence.announce({ ...worker, rate: Math.round(meter.rate() * 100) / 100, usage });
    // A Redis that was emptied has to be told them again; they are too large for every beat.
    if (!(await presence.hasLabels(worker.model.name))) await presence.announceLabels(worker.model, labels);
  };
  await presence.announceLabels(worker.model, labels);
  await beat();
  const timer = setInterval(() => {
    // While Redis is away one beat waits for it; more would only pile up.
    running ??= beat()
      .catch((error: unknown) => {
        logger.warn({ error }, 'heartbeat failed');
      })
      .finally(() => {
        running = undefined;
      });
  }, heartbeatIntervalMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
      await presence.withdraw(worker.id);
    },
  };
}

const smoothingMs = 10_000;
/** Shorter than this and a batch more or less decides. */
const leastMs = 250;
const leastPartialMs = 1000;
/** Of saturation, before its rate is believed more than the measurement at start. */
const enoughMs = 2000;

interface Saturation {
  /** Orders that the worker holds where it takes no more. */
  readonly full: number;
  /** Orders that keep all streams busy: fewer end a stretch. */
  readonly fed: number;
}

interface Span {
  ms: number;
  ended: number;
}

/**
 * How many orders a second this worker can get done: what the API's estimates (ETA, Retry-After) add up.
 *
 * Orders divided by the clock would make a worker with little to do look slow, and so would a few at once: until the first of
 * them has ended nothing seems to get done, and after the last has begun some streams are idle. So two rates are kept apart:
 *   saturated  from one end to the next, while every stream finds its next batch: what the worker can do
 *   partial    while anything is held: at least that
 * A stretch of saturation begins with the first end after the worker has held as many orders as it takes at once, and lasts
 * as long as it holds enough for all streams. Until enough was seen in such stretches, the larger of what its
 * measurement at start promised and the best partial rate is the best guess; afterwards the saturated rate counts, smoothed
 * over about ten seconds of saturation, and the guess never again.
 */
export class RateMeter {
  readonly #saturated: Span = { ms: 0, ended: 0 };
  readonly #partial: Span = { ms: 0, ended: 0 };
  #held = 0;
  #since: number;
  /** Whether the worker was full, and has been fed ever since. */
  #isSaturated = false;
  /** When an order ended last within this stretch of saturation. */
  #lastEnd: number | undefined;
  #saturatedRate: number | undefined;
  #partialRate = 0;

  /** `promised`: images per second as measured at start, where that was done. */
  constructor(
    private readonly saturation: Saturation,
    private readonly promised = 0,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#since = now();
  }

  /** An order is held from now on. */
  begin(): void {
    this.#account();
    this.#held += 1;
    if (this.#held >= this.saturation.full) this.#isSaturated = true;
  }

  /** An order is held no more; `worked` where it was run, not dropped or handed back. */
  end(worked: boolean): void {
    const now = this.#account();
    if (worked) this.#partial.ended += 1;
    if (this.#isSaturated) {
      if (this.#lastEnd !== undefined) {
        this.#saturated.ms += now - this.#lastEnd;
        if (worked) this.#saturated.ended += 1;
      }
      this.#lastEnd = now;
    }
    this.#held -= 1;
    if (this.#held >= this.saturation.fed) return;
    this.#isSaturated = false;
    this.#lastEnd = undefined;
  }

  /** Orders that are held. */
  get held(): number {
    return this.#held;
  }

  /** Images per second; 0 while nothing is known. */
  rate(): number {
    this.#account();
    if (this.#saturated.ms >= (this.#saturatedRate === undefined ? enoughMs : leastMs)) {
      const sample = take(this.#saturated);
      const weight = this.#saturatedRate === undefined ? 1 : 1 - Math.exp(-sample.ms / smoothingMs);
      this.#saturatedRate = (this.#saturatedRate ?? 0) * (1 - weight) + sample.perSecond * weight;
    }
    if (this.#partial.ms >= leastPartialMs) {
      // The least of what it can do is the most that it has done.
      this.#partialRate = Math.max(this.#partialRate, take(this.#partial).perSecond);
    }
    return this.#saturatedRate ?? Math.max(this.promised, this.#partialRate);
  }

  #account(): number {
    const now = this.now();
    if (this.#held > 0) this.#partial.ms += now - this.#since;
    this.#since = now;
    return now;
  }
}

function take(span: Span): { ms: number; perSecond: number } {
  const { ms, ended } = span;
  span.ms = 0;
  span.ended = 0;
  return { ms, perSecond: (ended * 1000) / ms };
}
