/** Names of what TIFFs are made of, and which of it is read. Sources: TIFF 6.0 and its supplements, libtiff's tiff.h, DNG 1.7. */

export const CODEC = {
  none: 1,
  ccittRle: 2,
  fax3: 3,
  fax4: 4,
  lzw: 5,
  oldJpeg: 6,
  jpeg: 7,
  deflate: 8,
  ccittRleWords: 32771,
  packbits: 32773,
  oldDeflate: 32946,
  zstd: 50000,
  webp: 50001,
} as const;

/** Codecs that are decoded. */
export const codecs: ReadonlySet<number> = new Set(Object.values(CODEC));
/** Codecs before which samples are differenced, where the predictor says so. */
export const predicted: ReadonlySet<number> = new Set([CODEC.lzw, CODEC.deflate, CODEC.oldDeflate, CODEC.zstd]);
export const faxCodecs: ReadonlySet<number> = new Set([CODEC.ccittRle, CODEC.fax3, CODEC.fax4, CODEC.ccittRleWords]);

const otherCodecs: Readonly<Record<number, string>> = {
  9: 'JBIG',
  10: 'JBIG',
  22610: 'JPEG XR',
  32766: 'NeXT',
  32809: 'ThunderScan',
  32895: 'IT8',
  32896: 'IT8',
  32897: 'IT8',
  32898: 'IT8',
  32908: 'PixarFilm',
  32909: 'PixarLog',
  32947: 'Kodak DCS',
  33003: 'JPEG 2000',
  33004: 'JPEG 2000',
  33005: 'JPEG 2000',
  34661: 'JBIG',
  34676: 'SGI LogLuv',
  34677: 'SGI LogLuv',
  34712: 'JPEG 2000',
  34715: 'JBIG2',
  34887: 'LERC',
  34892: 'lossy DNG',
  34925: 'LZMA',
  34926: 'deprecated ZSTD',
  34927: 'deprecated WebP',
  34933: 'PNG',
  34934: 'JPEG XR',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};

/** For messages that refuse a codec. */
export function codecName(code: number): string {
  return `${otherCodecs[code] ?? 'unknown'} compression (${code})`;
}

export const PHOTOMETRIC = {
  whiteIsZero: 0,
  blackIsZero: 1,
  rgb: 2,
  palette: 3,
  cmyk: 5,
  ycbcr: 6,
  cielab: 8,
  icclab: 9,
} as const;

/** Samples of a pixel that are colour; those behind them are extra. */
export const colourSamples: Readonly<Record<number, number>> = {
  [PHOTOMETRIC.whiteIsZero]: 1,
  [PHOTOMETRIC.blackIsZero]: 1,
  [PHOTOMETRIC.rgb]: 3,
  [PHOTOMETRIC.palette]: 1,
  [PHOTOMETRIC.cmyk]: 4,
  [PHOTOMETRIC.ycbcr]: 3,
  [PHOTOMETRIC.cielab]: 3,
  [PHOTOMETRIC.icclab]: 3,
};

const otherPhotometrics: Readonly<Record<number, string>> = {
  4: 'a transparency mask as its picture',
  10: 'ITU Lab colours',
  32803: 'raw sensor data (CFA)',
  32844: 'LogL samples',
  32845: 'LogLuv samples',
  34892: 'linear raw data',
  51177: 'a depth map as its picture',
};

export function photometricName(code: number): string {
  return otherPhotometrics[code] ?? `photometric interpretation ${code}`;
}

export const FORMAT = { unsigned: 1, signed: 2, float: 3 } as const;
