/** The one error this package throws. `code` is a code of the error registry; `detail` is a sentence for people. */
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
