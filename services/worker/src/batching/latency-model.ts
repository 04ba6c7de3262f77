/**
 * How long a batch of n images takes: what was measured at start, corrected by what is seen since.
 *
 * Between measured sizes it is interpolated; beyond the largest the last slope goes on. It never falls as n grows, because
 * a scheduler that believes so would wait for nothing. A machine that others load, or that was profiled on a quiet day, is
 * slower by some factor at every size: one smoothed factor follows that, so that deadlines are judged by today's speed.
 */
const smoothing = 0.1;
const driftLimits = { least: 0.25, most: 8 };

export class LatencyModel {
  readonly #points: readonly (readonly [size: number, milliseconds: number])[];
  #drift = 1;

  /** `measured`: milliseconds by batch size; must hold size 1. */
  constructor(measured: ReadonlyMap<number, number>) {
    let floor = 0;
    this.#points = [...measured]
      .sort(([a], [b]) => a - b)
      .map(([size, milliseconds]) => [size, (floor = Math.max(floor, milliseconds))] as const);
    if (this.#points[0]?.[0] !== 1) throw new RangeError('the latency of a batch of one must be known');
  }

  /** Milliseconds that a batch of `size` images takes now. */
  estimate(size: number): number {
    return this.#base(size) * this.#drift;
  }

  /** Learns from a batch that took `milliseconds`. */
  observe(size: number, milliseconds: number): void {
    const seen = milliseconds / this.#base(size);
    if (!Number.isFinite(seen)) return;
    const drift = this.#drift + smoothing * (seen - this.#drift);
    this.#drift = Math.min(driftLimits.most, Math.max(driftLimits.least, drift));
  }

  #base(size: number): number {
    let [lower, upper] = [this.#points[0], this.#points[1]];
    for (let index = 2; index < this.#points.length && (upper?.[0] ?? size) < size; index += 1) {
      [lower, upper] = [upper, this.#points[index]];
    }
    const [from, fromMs] = lower ?? [1, 0];
    if (upper === undefined) return fromMs * Math.max(1, size / from);
    const [to, toMs] = upper;
    return Math.max(0, fromMs + ((toMs - fromMs) * (size - from)) / (to - from));
  }
}
