/**
 * uint8 RGB rows to the float32 tensor that a model takes: `(v / 255 − mean) / std` by channel, in float32 as
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

/** From `pixels`, uint8 RGB [count, crop, crop, 3], to `tensor`, float32 in the model's layout and channel order. */
export type Normalize = (pixels: Uint8Array, count: number, tensor: Float32Array) => void;

export function createNormalizer({ crop, mean, std, layout, color }: InputSpec): Normalize {
  const plane = crop * crop;
  const [pixelStep, channelStep] = layout === 'NCHW' ? [1, plane] : [3, 1];
  const channels = [0, 1, 2].map((channel) => ({
    table: normalizeTable(mean[channel] ?? 0, std[channel] ?? 1),
    source: color === 'RGB' ? channel : 2 - channel,
    target: channel * channelStep,
  }));
  return (pixels, count, tensor) => {
    for (let image = 0; image < count; image += 1) {
      const base = image * plane * 3;
      for (const { table, source, target } of channels) {
        let to = base + target;
        for (let from = base + source; from < base + plane * 3; from += 3, to += pixelStep) {
          // In range by construction; the fallbacks satisfy the compiler and are never taken.
          tensor[to] = table[pixels[from] ?? 0] ?? 0;
        }
      }
    }
  };
}

function normalizeTable(mean: number, std: number): Float32Array {
  const [m, s] = [Math.fround(mean), Math.fround(std)];
  return Float32Array.from({ length: 256 }, (_, value) => (Math.fround(value / 255) - m) / s);
}
