/**
 * How many orders a second this worker gets done while it has work: what the API's estimates (ETA, Retry-After) add up.
 *
 * Orders divided by the clock would make a worker with little to do look slow. So time counts only while orders are held, and
 * two rates are kept apart:
 *   full     while at least `fullAt` orders are held, so that every stream has its batch: what the worker can do
 *   partial  while fewer are: at least that
 * Until the worker has been full for a moment, the larger of what its measurement at start promised and the partial rate is
 * the best guess; afterwards the full rate counts, smoothed over about ten seconds of being full, and the guess never again.
 */
const smoothingMs = 10_000;
/** Shorter than this and a batch more or less decides. */
const leastMs = 250;

interface Span {
  ms: number;
  ended: number;
}

export class RateMeter {
  readonly #full: Span = { ms: 0, ended: 0 };
  readonly #partial: Span = { ms: 0, ended: 0 };
  #held = 0;
  #since: number;
  #fullRate: number | undefined;
  #partialRate = 0;

  /** `promised`: images per second as measured at start, where that was done. */
  constructor(
    private readonly fullAt: number,
    private readonly promised = 0,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#since = now();
  }

  /** An order is held from now on. */
  begin(): void {
    this.#account();
    this.#held += 1;
  }

  /** An order is held no more; `worked` where it was run, not dropped or handed back. */
  end(worked: boolean): void {
    this.#account();
    if (worked) this.#span().ended += 1;
    this.#held -= 1;
  }

  /** Orders that are held. */
  get held(): number {
    return this.#held;
  }

  /** Images per second; 0 while nothing is known. */
  rate(): number {
    this.#account();
    if (this.#full.ms >= leastMs) {
      const sample = take(this.#full);
      const weight = this.#fullRate === undefined ? 1 : 1 - Math.exp(-sample.ms / smoothingMs);
      this.#fullRate = (this.#fullRate ?? 0) * (1 - weight) + sample.perSecond * weight;
    }
    if (this.#partial.ms >= leastMs) {
      const sample = take(this.#partial);
      const weight = this.#partialRate === 0 ? 1 : 1 - Math.exp(-sample.ms / smoothingMs);
      this.#partialRate = this.#partialRate * (1 - weight) + sample.perSecond * weight;
    }
    return this.#fullRate ?? Math.max(this.promised, this.#partialRate);
  }

  #span(): Span {
    return this.#held >= this.fullAt ? this.#full : this.#partial;
  }

  #account(): void {
    const now = this.now();
    if (this.#held > 0) this.#span().ms += now - this.#since;
    this.#since = now;
  }
}

function take(span: Span): { ms: number; perSecond: number } {
  const { ms, ended } = span;
  span.ms = 0;
  span.ended = 0;
  return { ms, perSecond: (ended * 1000) / ms };
}
