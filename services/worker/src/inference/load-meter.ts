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
