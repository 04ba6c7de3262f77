/**
 * Class activation maps: how much each place of the picture adds to a class (Zhou et al. 2016; packages/models linear-head.ts).
 *
 * At a place, the value is the class's row of the last layer times the feature maps' values there. The mean over all places
 * plus the class's bias is its logit: exactly in float32, and within the steps in which an int8 model rounds between the two.
 */

/** float32 [rows, columns], rows from the top of the crop. */
export interface ClassMap {
  /** Of the class, from 0. */
  readonly index: number;
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array<ArrayBuffer>;
}

/** What an inference thread has to know to make maps: a LinearHead, in memory that threads share. */
export interface HeadSettings {
  /** The model's output with the feature maps; a value is `scale × (what is there − zeroPoint)`. */
  readonly features: string;
  readonly scale: number;
  readonly zeroPoint: number;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: number;
  /** float32 [classes, channels]. */
  readonly weights: SharedArrayBuffer;
}

/** As a tensor has them. */
export type FeatureValues = Float32Array | Uint8Array | Int8Array;

interface FeatureMaps {
  /** [pictures, …] in the layout of the head. */
  readonly values: FeatureValues;
  readonly rows: number;
  readonly columns: number;
}

/** Rows and columns of feature maps with the shape `dims`; undefined where it is not the head's. */
export function mapSize(
  { layout, channels }: HeadSettings,
  dims: readonly number[],
): { readonly rows: number; readonly columns: number } | undefined {
  const [, ...picture] = dims;
  const [depth, rows = 0, columns = 0] = layout === 'NCHW' ? picture : [picture[2], picture[0], picture[1]];
  return dims.length === 4 && depth === channels && rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** The map of the class `index` for picture `picture` of a batch. */
export function classMap(head: HeadSettings, maps: FeatureMaps, picture: number, index: number): ClassMap {
  const { layout, channels, scale, zeroPoint } = head;
  const { values: features, rows, columns } = maps;
  const places = rows * columns;
  const weights = new Float32Array(head.weights, index * channels * Float32Array.BYTES_PER_ELEMENT, channels);
  const start = picture * channels * places;
  const [channelStep, placeStep] = layout === 'NCHW' ? [places, 1] : [1, channels];
  const sums = new Float64Array(places);
  let weightSum = 0;
  for (let channel = 0; channel < channels; channel += 1) {
    const weight = weights[channel] ?? 0;
    weightSum += weight;
    let at = start + channel * channelStep;
    for (let place = 0; place < places; place += 1, at += placeStep) {
      sums[place] = (sums[place] ?? 0) + weight * (features[at] ?? 0);
    }
  }
  const values = Float32Array.from(sums, (sum) => scale * (sum - zeroPoint * weightSum));
  return { index, rows, columns, values };
}

/** The most likely class of a row of logits or probabilities: of equal ones the first, as among the predictions. */
export function topClass(row: Float32Array): number {
  let best = 0;
  for (let index = 1; index < row.length; index += 1) if ((row[index] ?? 0) > (row[best] ?? 0)) best = index;
  return best;
}
