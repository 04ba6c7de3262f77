/**
 * CMYK to RGB without a profile, as Pillow's `convert('RGB')` does it: each ink dims what black lets through. libvips
 * would go through an ICC profile, nearer to print and further from what the models were trained on and measured with.
 *
 * @param cmyk 8-bit pixels, four bytes each, 0 = no ink
 * @returns RGB, three bytes a pixel
 */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4, to += 3) {
    const light = 255 - (cmyk[from + 3] ?? 0);
    for (let channel = 0; channel < 3; channel += 1) {
      rgb[to + channel] = light - Math.round(((cmyk[from + channel] ?? 0) * light) / 255);
    }
  }
  return rgb;
}
