/**
 * How two classifiers' answers to the same pictures differ. Scores are probabilities: the same classes in the same order,
 * those of one picture together 1.
 */
import { topK } from '../inference/classifier.js';

/** How many labels count as the first ones, as in the service's default answer. */
const firstLabels = 5;

/** Every number is a mean over the pictures. */
export interface Agreement {
  readonly pictures: number;
  /** How many have the same first class, and their share. */
  readonly same_top1: number;
  readonly top1_agreement: number;
  /** Share of A's first five classes that are among B's first five, whatever their order. */
  readonly top5_overlap: number;
  /** |p_A(c) − p_B(c)| for A's first class c. */
  readonly top1_probability_difference: number;
  /** |p_A(c) − p_B(c)|, the mean over all classes c. */
  readonly class_probability_difference: number;
  /** Half the sum of |p_A(c) − p_B(c)| over all classes: 0 for equal answers, 1 for answers that exclude each other. */
  readonly total_variation: number;
}

/** How often a classifier is right, over the pictures whose class is known. */
export interface Accuracy {
  readonly pictures: number;
  readonly top1: number;
  readonly top5: number;
}

/** Takes the answers to one picture after another; keeps sums only. */
export class AgreementTally {
  #pictures = 0;
  #sameFirst = 0;
  #overlap = 0;
  #firstDifference = 0;
  #classDifference = 0;
  #variation = 0;
  #known = 0;
  readonly #rightA = { top1: 0, top5: 0 };
  readonly #rightB = { top1: 0, top5: 0 };

  /** `truth`: the index of the class that the picture shows, where it is known. Throws RangeError for unequal lengths. */
  add(a: Float64Array, b: Float64Array, truth?: number): void {
    if (a.length !== b.length || a.length === 0) throw new RangeError('two answers of the same classes are needed');
    const [topA, topB] = [a, b].map((scores) => topK(scores, firstLabels).map(({ index }) => index));
    const first = topA?.[0];
    if (topA === undefined || topB === undefined || first === undefined) throw new RangeError('there are no classes');
    const difference = a.reduce((sum, score, index) => sum + Math.abs(score - (b[index] ?? 0)), 0);
    this.#pictures += 1;
    this.#sameFirst += Number(first === topB[0]);
    this.#overlap += topA.filter((index) => topB.includes(index)).length / topA.length;
    this.#firstDifference += Math.abs((a[first] ?? 0) - (b[first] ?? 0));
    this.#classDifference += difference / a.length;
    this.#variation += difference / 2;
    if (truth === undefined) return;
    this.#known += 1;
    count(this.#rightA, topA, truth);
    count(this.#rightB, topB, truth);
  }

  /** Throws RangeError before the first picture. */
  agreement(): Agreement {
    const pictures = this.#pictures;
    if (pictures === 0) throw new RangeError('there are no pictures');
    return {
      pictures,
      same_top1: this.#sameFirst,
      top1_agreement: this.#sameFirst / pictures,
      top5_overlap: this.#overlap / pictures,
      top1_probability_difference: this.#firstDifference / pictures,
      class_probability_difference: this.#classDifference / pictures,
      total_variation: this.#variation / pictures,
    };
  }

  /** Of A and of B; undefined where no picture's class is known. */
  accuracies(): readonly [Accuracy, Accuracy] | undefined {
    const pictures = this.#known;
    if (pictures === 0) return undefined;
    const share = ({ top1, top5 }: { top1: number; top5: number }): Accuracy => ({
      pictures,
      top1: top1 / pictures,
      top5: top5 / pictures,
    });
    return [share(this.#rightA), share(this.#rightB)];
  }
}

function count(right: { top1: number; top5: number }, top: readonly number[], truth: number): void {
  right.top1 += Number(top[0] === truth);
  right.top5 += Number(top.includes(truth));
}
