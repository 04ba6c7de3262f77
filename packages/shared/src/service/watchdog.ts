/**
 * Finds work that does not move. Whatever a process holds only so much of (threads, memory, places for fetches) has an end for
 * each piece of work, so something leaves it all the time. Where nothing does, a piece was lost, and all that waits behind it
 * waits without end.
 *
 * States of a place: moving → stalled, told once → moving, when the piece that was lost has left it, or any where none was.
 *   stalled   nothing has left it for `limitMs` although something was in it for all that time, or one piece has been in it for
 *             `leakFactor` times as long, while others passed
 * Invariant: time counts only while this process runs. A process that was stopped and goes on, or whose machine slept, finds
 * nothing stalled.
 * Trade-off: limits are well above what work takes on a busy machine, so a stall is found late, and never where there is none.
 */
import type { Logger } from '../log.js';

/** One piece that was lost among many that pass is found after so many limits. */
export const leakFactor = 10;

const checkMs = 1000;
/** From the first word of a stall to the end of the process: long enough for those who ask whether it is ready. */
const lastChanceMs = 5000;

export interface PlaceOptions {
  /** As readiness and log name it. */
  readonly name: string;
  /** Well above the longest time for which nothing may leave it. */
  readonly limitMs: number;
  /** Called when it stalls, with the reason. */
  readonly onStalled: (reason: string) => void;
}

export interface VitalOptions extends Pick<PlaceOptions, 'name' | 'limitMs'> {
  readonly logger: Pick<Logger, 'error'>;
  readonly onFatal: (error: Error) => void;
}

export class Watchdog {
  readonly #places = new Set<WatchedPlace>();
  readonly #timer: NodeJS.Timeout;
  #last: number;
  #awakeMs = 0;

  /** `now` in ms. Looks once a second, by a timer that keeps no process alive. */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.#last = now();
    this.#timer = setInterval(() => {
      this.check();
    }, checkMs).unref();
  }

  /** A new place to be watched, until it is closed. */
  watch(options: PlaceOptions): WatchedPlace {
    const place = new WatchedPlace(options, () => this.#awakeMs, this.#places);
    this.#places.add(place);
    return place;
  }

  /**
   * A new place without which the process is of no use. Where it stalls, the log and the readiness say so; where nothing moves for
   * a few seconds more, `onFatal` is to end the process.
   */
  watchVital({ name, limitMs, logger, onFatal }: VitalOptions): WatchedPlace {
    const onStalled = (reason: string): void => {
      logger.error({ reason }, 'held work does not move');
      setTimeout(() => {
        if (place.stalled !== undefined) onFatal(new Error(place.stalled));
      }, lastChanceMs);
    };
    const place = this.watch({ name, limitMs, onStalled });
    return place;
  }

  /** Why this process should be given no more work; empty while everything moves. */
  get reasons(): string[] {
    return [...this.#places].flatMap(({ stalled }) => (stalled === undefined ? [] : [stalled]));
  }

  /** Looks at every place. */
  check(): void {
    const now = this.now();
    this.#awakeMs += Math.min(now - this.#last, 2 * checkMs);
    this.#last = now;
    for (const place of this.#places) place.check();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Something of which a process holds only so much. */
export class WatchedPlace {
  /** When each piece came, the oldest first. */
  readonly #since = new Map<symbol, number>();
  #moved = 0;
  #stalled: string | undefined;

  /** As Watchdog.watch makes it. `awakeMs`: for how long the process has run. */
  constructor(
    private readonly options: PlaceOptions,
    private readonly awakeMs: () => number,
    private readonly places: Set<WatchedPlace>,
  ) {}

  /** Why it is taken to be stalled. */
  get stalled(): string | undefined {
    return this.#stalled;
  }

  /** A piece of work comes in. To be called when it leaves; more than once does no harm. */
  enter(): () => void {
    const piece = Symbol();
    if (this.#since.size === 0) this.#moved = this.awakeMs();
    this.#since.set(piece, this.awakeMs());
    return () => {
      if (!this.#since.delete(piece)) return;
      this.#moved = this.awakeMs();
      if (!this.#hasLeak()) this.#stalled = undefined;
    };
  }

  /** Watches `work` until it has settled, and settles as it does. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const leave = this.enter();
    try {
      return await work();
    } finally {
      leave();
    }
  }

  check(): void {
    const [oldest] = this.#since.values();
    if (oldest === undefined || this.#stalled !== undefined) return;
    const { name, limitMs, onStalled } = this.options;
    const now = this.awakeMs();
    const stillMs = now - this.#moved;
    if (stillMs < limitMs && !this.#hasLeak()) return;
    const seconds = (ms: number): number => Math.round(ms / 1000);
    this.#stalled = `${name} do not move: ${this.#since.size} held, the oldest for ${seconds(now - oldest)} s, none has ended for ${seconds(stillMs)} s`;
    onStalled(this.#stalled);
  }

  #hasLeak(): boolean {
    const [oldest = Infinity] = this.#since.values();
    return this.awakeMs() - oldest >= leakFactor * this.options.limitMs;
  }

  /** Is watched no more. */
  close(): void {
    this.places.delete(this);
  }
}
