/** A model's scores as people read them, and when its first label is only a guess. Every part of the page asks here. */
import type { Prediction } from '@quintet/client';

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
