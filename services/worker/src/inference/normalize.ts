/**
 * uint8 RGB pixels to the float32 tensor that a model takes: `(v / 255 − mean) / std` by channel, in float32 as
 * torchvision's ToTensor and Normalize compute it. With 256 values per channel a table is exact.
 */
export interface InputSpec {
  /** Side of the square input, in pixels. */
  readonly crop: number;
  /** For values of 0 to 1, in the order of `color`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly layout: 'NCHW' | 'NHWC';
  readonly color: 'RGB' | 'BGR';
}

/**
 * From image `from` of `pixels`, uint8 RGB [n, crop, crop, 3], to image `to` of `tensor`, float32 [m, …] in the model's
 * layout and channel order.
 */
type Normalize = (pixels: Uint8Array, from: number, tensor: Float32Array, to: number) => void;

export function createNormalizer({ crop, mean, std, layout, color }: InputSpec): Normalize {
  const plane = crop * crop;
  const size = plane * 3;
  const [pixelStep, channelStep] = layout === 'NCHW' ? [1, plane] : [3, 1];
  // Tables and targets by the channel of the source, red first.
  const channels = color === 'RGB' ? [0, 1, 2] : [2, 1, 0];
  const [red, green, blue] = channels.map((target) => normalizeTable(mean[target] ?? 0, std[target] ?? 1));
  const [redAt = 0, greenAt = 0, blueAt = 0] = channels.map((target) => target * channelStep);
  if (red === undefined || green === undefined || blue === undefined) throw new RangeError('three channels');
  return (pixels, from, tensor, to) => {
    const base = to * size;
    let target = base;
    // One pass over the pixels; the fallbacks satisfy the compiler and are never taken.
    for (let source = from * size; source < (from + 1) * size; source += 3, target += pixelStep) {
      tensor[target + redAt] = red[pixels[source] ?? 0] ?? 0;
      tensor[target + greenAt] = green[pixels[source + 1] ?? 0] ?? 0;
      tensor[target + blueAt] = blue[pixels[source + 2] ?? 0] ?? 0;
    }
  };
}

function normalizeTable(mean: number, std: number): Float32Array {
  const [m, s] = [Math.fround(mean), Math.fround(std)];
  return Float32Array.from({ length: 256 }, (_, value) => (Math.fround(value / 255) - m) / s);
}
