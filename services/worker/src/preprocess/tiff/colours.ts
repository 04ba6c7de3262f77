/** From samples of 8 bits to RGB, as Pillow's `convert('RGB')` has it where Pillow reads such a picture, else as libtiff. */
import { PHOTOMETRIC, TAG, type TiffPage } from '@quintet/images/tiff';
import { cmykToRgb } from '../crop-with-sharp.js';

/** Makes RGB of as many pixels as `rgb` has room for. Of a pixel there are `stride` samples. */
type ToRgb = (samples: Uint8Array | Uint16Array, rgb: Uint8Array, stride: number) => void;

/** `photometric`: of what the codec gives, which is RGB where it has converted the colours itself. */
export function toRgb(page: TiffPage, photometric: number): ToRgb {
  switch (photometric) {
    case PHOTOMETRIC.whiteIsZero:
      return grey(255);
    case PHOTOMETRIC.blackIsZero:
      return grey(0);
    case PHOTOMETRIC.palette:
      return palette(page);
    case PHOTOMETRIC.cmyk:
      return cmyk;
    case PHOTOMETRIC.ycbcr:
      return ycbcr(page);
    case PHOTOMETRIC.cielab:
      return lab(0);
    case PHOTOMETRIC.icclab:
      return lab(128);
    default:
      return page.premultiplied ? premultiplied : plain;
  }
}

function grey(inverted: number): ToRgb {
  return (samples, rgb, stride) => {
    for (let to = 0, from = 0; to < rgb.length; to += 3, from += stride) {
      const value = (samples[from] ?? 0) ^ inverted;
      rgb[to] = value;
      rgb[to + 1] = value;
      rgb[to + 2] = value;
    }
  };
}

const plain: ToRgb = (samples, rgb, stride) => {
  if (stride === 3) {
    rgb.set(samples.subarray(0, rgb.length));
    return;
  }
  for (let to = 0, from = 0; to < rgb.length; to += 3, from += stride) {
    rgb[to] = samples[from] ?? 0;
    rgb[to + 1] = samples[from + 1] ?? 0;
    rgb[to + 2] = samples[from + 2] ?? 0;
  }
};

/** As they were before alpha dimmed them; black where nothing is left. */
const premultiplied: ToRgb = (samples, rgb, stride) => {
  for (let to = 0, from = 0; to < rgb.length; to += 3, from += stride) {
    const alpha = samples[from + 3] ?? 0;
    for (let c = 0; c < 3; c += 1) {
      rgb[to + c] = alpha === 0 ? 0 : Math.min(255, Math.trunc(((samples[from + c] ?? 0) * 255) / alpha));
    }
  }
};

/** The palette's 16 bits are cut to 8, as Pillow does; where all of them are small, they were 8 (libtiff's checkcmap). */
function palette({ directory, bits }: TiffPage): ToRgb {
  const size = 2 ** bits;
  const map = Uint16Array.from({ length: 3 * size }, (_value, i) => directory.number(TAG.colourMap, i) ?? 0);
  const shift = map.some((value) => value > 255) ? 8 : 0;
  return (samples, rgb, stride) => {
    for (let to = 0, from = 0; to < rgb.length; to += 3, from += stride) {
      const index = samples[from] ?? 0;
      for (let c = 0; c < 3; c += 1) rgb[to + c] = (map[c * size + index] ?? 0) >> shift;
    }
  };
}

const cmyk: ToRgb = (samples, rgb, stride) => {
  const four = new Uint8Array((rgb.length / 3) * 4);
  for (let to = 0, from = 0; to < four.length; to += 4, from += stride) {
    for (let c = 0; c < 4; c += 1) four[to + c] = samples[from + c] ?? 0;
  }
  rgb.set(cmykToRgb(four));
};

/** libtiff's tables (tif_color.c, TIFFYCbCrToRGBInit), of the picture's coefficients and its reference black and white. */
function ycbcr({ directory }: TiffPage): ToRgb {
  const [red = 0.299, green = 0.587, blue = 0.114] = directory.numbers(TAG.coefficients, 3);
  const [y0 = 0, y1 = 255, b0 = 128, b1 = 255, r0 = 128, r1 = 255] = directory.numbers(TAG.referenceBlackWhite, 6);
  const fixed = (value: number): number => Math.trunc(value * 65_536 + 0.5);
  const value = (code: number, black: number, white: number, range: number): number =>
    ((code - Math.trunc(black)) * range) / (Math.trunc(white - black) === 0 ? 1 : white - black);
  const within = (least: number, x: number, most: number): number => Math.trunc(Math.max(least, Math.min(most, x)));
  const f1 = 2 - 2 * red;
  const f3 = 2 - 2 * blue;
  const [d1, d2] = [fixed(f1), -fixed((red * f1) / green)];
  const [d3, d4] = [fixed(f3), -fixed((blue * f3) / green)];
  const codes = Array.from({ length: 256 }, (_value, code) => code);
  const cr = codes.map((code) => within(-4096, value(code - 128, r0 - 128, r1 - 128, 127), 4096));
  const cb = codes.map((code) => within(-4096, value(code - 128, b0 - 128, b1 - 128, 127), 4096));
  const y = Int32Array.from(codes, (code) => within(-4096, value(code, y0, y1, 255), 4096));
  const redOf = Int32Array.from(cr, (c) => (d1 * c + 32_768) >> 16);
  const blueOf = Int32Array.from(cb, (c) => (d3 * c + 32_768) >> 16);
  const greenOfRed = Int32Array.from(cr, (c) => d2 * c);
  const greenOfBlue = Int32Array.from(cb, (c) => d4 * c + 32_768);
  const clip = (x: number): number => (x < 0 ? 0 : x > 255 ? 255 : x);
  return (samples, rgb, stride) => {
    for (let to = 0, from = 0; to < rgb.length; to += 3, from += stride) {
      const light = y[samples[from] ?? 0] ?? 0;
      const [b, r] = [samples[from + 1] ?? 0, samples[from + 2] ?? 0];
      rgb[to] = clip(light + (redOf[r] ?? 0));
      rgb[to + 1] = clip(light + (((greenOfBlue[b] ?? 0) + (greenOfRed[r] ?? 0)) >> 16));
      rgb[to + 2] = clip(light + (blueOf[b] ?? 0));
    }
  };
}

/**
 * CIE L*a*b* under D50 to sRGB under D65, adapted by Bradford's method (matrix: Lindbloom). a and b are signed, or
 * `offset` above.
 */
function lab(offset: 0 | 128): ToRgb {
  const gamma = Uint8Array.from({ length: 4097 }, (_value, i) => {
    const linear = i / 4096;
    return Math.round(255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055));
  });
  const encode = (linear: number): number => gamma[Math.round(4096 * Math.max(0, Math.min(1, linear)))] ?? 0;
  const inverse = (f: number): number => (f > 6 / 29 ? f ** 3 : 3 * (6 / 29) ** 2 * (f - 4 / 29));
  const signed = (sample: number): number => (offset === 0 ? (sample << 24) >> 24 : sample - offset);
  return (samples, rgb, stride) => {
    for (let to = 0, from = 0; to < rgb.length; to += 3, from += stride) {
      const fy = (((samples[from] ?? 0) * 100) / 255 + 16) / 116;
      const x = 0.9642 * inverse(fy + signed(samples[from + 1] ?? 0) / 500);
      const y = inverse(fy);
      const z = 0.8249 * inverse(fy - signed(samples[from + 2] ?? 0) / 200);
      rgb[to] = encode(3.1338561 * x - 1.6168667 * y - 0.4906146 * z);
      rgb[to + 1] = encode(-0.9787684 * x + 1.9161415 * y + 0.033454 * z);
      rgb[to + 2] = encode(0.0719453 * x - 0.2289914 * y + 1.4052427 * z);
    }
  };
}
