/**
 * From how much a place speaks for a class to a colour that is laid over the picture: transparent where it does not, then violet,
 * red, orange and pale yellow, ever more opaque. The colours are matplotlib's inferno (van der Walt and Smith, CC0), whose
 * lightness grows evenly with the value, so that it is also read in grey and by who sees red and green alike.
 * In steps, so that a heat map of smooth gradients is a file of a few kilobytes: neighbours that differ by less than one
 * look the same, and are the same bytes.
 */

export const rampSteps = 64;

/** How much of the picture is covered where the value is 1. */
const mostOpaque = 0.8;

/** Inferno at nine even places from 0 to 1. */
const inferno = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
] as const;

/** RGBA bytes of each step from 0 to `rampSteps`, not premultiplied; of step 0 all are 0. */
export function createRamp(): Uint8Array {
  const ramp = new Uint8Array(4 * (rampSteps + 1));
  for (let step = 1; step <= rampSteps; step += 1) {
    const value = step / rampSteps;
    const at = value * (inferno.length - 1);
    const low = Math.min(Math.floor(at), inferno.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      const [from = 0, to = 0] = [inferno[low]?.[channel], inferno[low + 1]?.[channel]];
      ramp[4 * step + channel] = Math.round(from + (to - from) * (at - low));
    }
    ramp[4 * step + 3] = Math.round(255 * mostOpaque * value);
  }
  return ramp;
}
