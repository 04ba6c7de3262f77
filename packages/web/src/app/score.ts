/** A model's scores as people read them, and when its first label is only a guess. Every part of the page asks here. */
import type { Prediction } from '../api/types.js';

/**
 * Below this score the page says "Not sure" before the label. Softmax spreads the score of a picture that is none of the
 * classes over many of them, so a first label of less than a third is seldom right.
 */
export const unsureBelow = 0.3;

export function isUnsure({ score }: Pick<Prediction, 'score'>): boolean {
  return score < unsureBelow;
}

/** The answer in one line: `wall clock`, or `Not sure; closest: wall clock`. */
export function headlineOf(first: Pick<Prediction, 'label' | 'score'>): string {
  return isUnsure(first) ? `Not sure; closest: ${first.label}` : first.label;
}

/**
 * A score of 0 to 1 as `93.1 %`. It is rounded so that only 1 is `100 %` and only 0 is `0 %`: 0.9997 is `99.9 %`, and less than
 * half of the last decimal is `< 0.1 %`.
 */
export function formatScore(score: number, decimals = 1): string {
  if (score <= 0) return '0 %';
  if (score >= 1) return '100 %';
  const step = 10 ** -decimals;
  const value = score * 100;
  return value < step / 2 ? `< ${step} %` : `${Math.min(value, 100 - step).toFixed(decimals)} %`;
}
