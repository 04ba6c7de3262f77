/** From one row of logits to the labels a client sees. */

export interface Scored {
  readonly index: number;
  readonly score: number;
}

/**
 * Softmax over `logits`, in float64, shifted by the maximum so that no exponent overflows.
 * Throws where a value is not finite: such a result must never look like an answer.
 */
export function softmax(logits: Float32Array): Float64Array {
  let max = -Infinity;
  for (const value of logits) {
    if (!Number.isFinite(value)) throw new RangeError('the model returned a value that is not a number');
    if (value > max) max = value;
  }
  const scores = new Float64Array(logits.length);
  let sum = 0;
  for (const [index, value] of logits.entries()) {
    const exponential = Math.exp(value - max);
    scores[index] = exponential;
    sum += exponential;
  }
  return scores.map((value) => value / sum);
}

/** The `k` largest of `scores`, best first; of equal ones the lower index first. Those under `minScore` are left out. */
export function topK(scores: ArrayLike<number>, k: number, minScore = 0): Scored[] {
  const best: Scored[] = [];
  for (let index = 0; index < scores.length; index += 1) {
    const score = scores[index] ?? 0;
    if (score < minScore) continue;
    const last = best[best.length - 1];
    if (best.length === k && (last === undefined || score <= last.score)) continue;
    let place = best.length;
    while (place > 0 && (best[place - 1]?.score ?? 0) < score) place -= 1;
    best.splice(place, 0, { index, score });
    if (best.length > k) best.pop();
  }
  return best;
}
