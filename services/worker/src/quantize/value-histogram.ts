/**
 * The range that uint8 steps cover best, of a tensor whose values pass by picture after picture. Kept are the lowest, the highest
 * and a histogram, whatever the number of pictures.
 *
 * The histogram reaches from −limit to limit; limit is a power of two and doubles when a value lies beyond, whereby pairs of
 * bins become one. So its bins, and the range, do not depend on the order of the pictures.
 * Zeros are not counted: a ReLU makes most of them, 0 is one of the 256 steps, and they would outweigh everything else.
 */
import type { Range } from '@quintet/models';

export const calibrationMethods = ['minmax', 'percentile', 'entropy'] as const;
export type CalibrationMethod = (typeof calibrationMethods)[number];

/** Bins on each side of 0: at least half of them, 16 for each step, are used by the side that reaches further. */
const SIDE = 8192;

/** Share of the values that `percentile` keeps; half of the others may lie beyond either end. */
const KEPT = 0.9999;

const LEVELS = 256;
/** Thresholds that `entropy` tries, as parts of the peak: from an eighth on, which still has two bins for each step. */
const TRIED = 128;

export class ValueHistogram {
  #low = 0;
  #high = 0;
  #limit = 2 ** -20;
  #counts = new Float64Array(2 * SIDE);

  /** Throws RangeError for a value that is not a finite number. */
  add(values: Float32Array): void {
    let [low, high] = [this.#low, this.#high];
    for (const value of values) {
      if (value < low) low = value;
      else if (value > high) high = value;
      // Not a number is neither.
      else if (!(value <= high)) throw new RangeError('a value is not a number');
    }
    if (!Number.isFinite(low) || !Number.isFinite(high)) throw new RangeError('a value is infinite');
    [this.#low, this.#high] = [low, high];
    while (this.#limit < Math.max(-low, high)) this.#double();
    const counts = this.#counts;
    const scale = SIDE / this.#limit;
    for (const value of values) {
      if (value === 0) continue;
      const bin = Math.min(2 * SIDE - 1, Math.floor(value * scale) + SIDE);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }

  /** It includes 0. */
  range(method: CalibrationMethod): Range {
    switch (method) {
      case 'minmax':
        return { low: this.#low, high: this.#high };
      case 'percentile':
        return this.#percentile();
      case 'entropy':
        return this.#leastDivergence();
    }
  }

  #double(): void {
    const old = this.#counts;
    const counts = new Float64Array(2 * SIDE);
    for (let bin = 0; bin < SIDE; bin += 1) counts[SIDE / 2 + bin] = (old[2 * bin] ?? 0) + (old[2 * bin + 1] ?? 0);
    this.#counts = counts;
    this.#limit *= 2;
  }

  #percentile(): Range {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    const beyond = (total * (1 - KEPT)) / 2;
    const width = this.#limit / SIDE;
    let [first, last] = [0, 2 * SIDE - 1];
    for (let left = beyond; first < SIDE && (left -= this.#counts[first] ?? 0) >= 0; first += 1);
    for (let left = beyond; last >= SIDE && (left -= this.#counts[last] ?? 0) >= 0; last -= 1);
    return {
      low: Math.max(this.#low, (first - SIDE) * width),
      high: Math.min(this.#high, (last + 1 - SIDE) * width),
    };
  }

  /**
   * The range whose steps lose least of what the values tell, by Kullback–Leibler divergence (Migacz 2017, "8-bit Inference with
   * TensorRT", GTC): values beyond a threshold are clipped, above as below 0.
   */
  #leastDivergence(): Range {
    let best = { low: this.#low, high: this.#high };
    let least = Number.POSITIVE_INFINITY;
    const peak = Math.max(-this.#low, this.#high);
    for (let part = TRIED; part >= TRIED / 8; part -= 1) {
      const threshold = (peak * part) / TRIED;
      const range = { low: Math.max(this.#low, -threshold), high: Math.min(this.#high, threshold) };
      const divergence = this.#divergence(range);
      if (divergence < least) [best, least] = [range, divergence];
    }
    return best;
  }

  /** Between the values, those beyond `range` moved to its ends, and what 256 steps over `range` leave of the others. */
  #divergence({ low, high }: Range): number {
    const counts = this.#counts;
    const scale = SIDE / this.#limit;
    const from = Math.max(0, Math.floor(low * scale) + SIDE);
    const to = Math.min(2 * SIDE, Math.ceil(high * scale) + SIDE);
    const total = counts.reduce((sum, count) => sum + count, 0);
    let inside = 0;
    for (let bin = from; bin < to; bin += 1) inside += counts[bin] ?? 0;
    if (inside === 0) return Number.POSITIVE_INFINITY;
    let before = 0;
    for (let bin = 0; bin < from; bin += 1) before += counts[bin] ?? 0;
    const after = total - inside - before;
    let divergence = 0;
    for (let level = 0; level < LEVELS; level += 1) {
      const start = from + Math.floor((level * (to - from)) / LEVELS);
      const end = from + Math.floor(((level + 1) * (to - from)) / LEVELS);
      let [sum, filled] = [0, 0];
      for (let bin = start; bin < end; bin += 1) {
        sum += counts[bin] ?? 0;
        if ((counts[bin] ?? 0) > 0) filled += 1;
      }
      // A step spreads what it holds evenly over the bins that held something.
      const share = sum / Math.max(1, filled) / inside;
      for (let bin = start; bin < end; bin += 1) {
        const moved = (bin === from ? before : 0) + (bin === to - 1 ? after : 0);
        const reference = ((counts[bin] ?? 0) + moved) / total;
        // An end that held nothing before gets a share too small to matter, so that the divergence stays a number.
        const found = (counts[bin] ?? 0) > 0 ? share : 1e-9;
        if (reference > 0) divergence += reference * Math.log(reference / found);
      }
    }
    return divergence;
  }
}
