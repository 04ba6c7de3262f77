export const imageErrorCodes = [
  'image_format_unsupported',
  'image_truncated',
  'image_dimensions_invalid',
  'image_too_many_pixels',
  'image_too_complex',
  'image_polyglot',
  'image_undecodable',
  'image_decode_timeout',
] as const;

export type ImageErrorCode = (typeof imageErrorCodes)[number];

/** The one error this package throws. `code` is a code of the error registry; `detail` is a sentence for people. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;
  /** What is wrong with this picture, without any of its bytes. */
  readonly detail: string;

  constructor(code: ImageErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.detail = detail;
  }
}

const optionsOf = (cause: unknown): ErrorOptions | undefined => (cause === undefined ? undefined : { cause });
export const undecodable = (detail: string, cause?: unknown): ImageError =>
  new ImageError('image_undecodable', detail, optionsOf(cause));
export const truncated = (detail: string, cause?: unknown): ImageError =>
  new ImageError('image_truncated', detail, optionsOf(cause));
export const tooComplex = (detail: string): ImageError => new ImageError('image_too_complex', detail);

export const imageFormats = ['jpeg', 'png', 'webp', 'avif', 'heic', 'gif', 'tiff', 'bmp'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export const mediaTypes: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
  heic: 'image/heic',
  gif: 'image/gif',
  tiff: 'image/tiff',
  bmp: 'image/bmp',
};

/**
 * Endings of the names that such files have, in lower case: for whoever chooses files of a folder, since only the bytes say what a file
 * is. MPO and JPS are JPEGs of several pictures, APNG is a PNG, AVIFS, HEICS and HEIFS are sequences, and HIF is what cameras call HEIC.
 */
export const fileExtensions: Readonly<Record<ImageFormat, readonly string[]>> = {
  jpeg: ['jpg', 'jpeg', 'jpe', 'jfif', 'jif', 'pjpeg', 'pjp', 'mpo', 'jps'],
  png: ['png', 'apng'],
  webp: ['webp'],
  avif: ['avif', 'avifs'],
  heic: ['heic', 'heics', 'heif', 'heifs', 'hif'],
  gif: ['gif'],
  tiff: ['tif', 'tiff'],
  bmp: ['bmp', 'dib'],
};

/** What the container says of the picture. */
export interface ImageInfo {
  readonly format: ImageFormat;
  readonly mediaType: string;
  /** Pixels as stored: before any EXIF orientation, and before the crop or rotation of a HEIF container. */
  readonly width: number;
  readonly height: number;
  /** Frames or pages, at least 1; only the first is ever used. */
  readonly frames: number;
  /**
   * EXIF's number for how it is to be turned, 1 to 8: exif-orientation.ts. Absent where its decoder turns it by itself (HEIF) or
   * knows of no other place to look for it (TIFF).
   */
  readonly orientation?: number;
  /** Most memory that decoding it takes, in bytes, as decode-memory.ts estimates it. */
  readonly decodeBytes: number;
  /** In how many parts it is decoded, so that it takes no more than that; absent where there is only one way. */
  readonly parts?: number;
}

export interface ImageLimits {
  /** The most pixels (width × height of one frame) a picture may claim. */
  readonly maxPixels: number;
  /** The most memory that decoding a picture may take, in bytes; no limit where it is absent. */
  readonly maxDecodeBytes?: number;
}

/** What a format's walker finds: the picture, and where its structure ends in the file. */
export interface Walk {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly orientation?: number;
  /** Offset of the first byte that is no part of the image. */
  readonly end: number;
  /** Bytes; see decode-memory.ts. */
  readonly decodeBytes: number;
  readonly parts?: number;
}

/**
 * The longest side. Only PNG and TIFF can be longer than 65,535 pixels at all. A decoder pays for each row as well as for each
 * pixel: of 1 × 40,000,000 it takes ten times as long, and 440 MB where the pixels are 120.
 */
const MAX_SIDE = 1_000_000;

/** Width and height come from fields of at most 32 bits, so their product is below 2^64 and never overflows a double. */
export function checkDimensions(width: number, height: number, limits: ImageLimits): void {
  if (width <= 0 || height <= 0) {
    throw new ImageError('image_dimensions_invalid', `The image claims to be ${width} × ${height} pixels.`);
  }
  if (width * height > limits.maxPixels) {
    throw new ImageError(
      'image_too_many_pixels',
      `The image claims to be ${width} × ${height} pixels; at most ${limits.maxPixels} pixels are accepted.`,
    );
  }
  if (Math.max(width, height) > MAX_SIDE) {
    throw tooComplex(
      `The image claims to be ${width} × ${height} pixels; at most ${MAX_SIDE} are accepted in a row or a column.`,
    );
  }
}
