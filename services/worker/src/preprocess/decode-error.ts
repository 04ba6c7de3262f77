/** What decoders throw: an ImageError where the picture is at fault. */
import { ImageError, undecodable } from '@quintet/images';

/** The decoder was closed, or cannot start at all: no fault of the picture, whose job may be tried elsewhere. */
export class DecoderUnavailableError extends Error {
  override readonly name = 'DecoderUnavailableError';
}

/**
 * What a decoder's failure means for the client. sharp reports a bad picture as a plain Error, of which
 * the first line names the cause. Any subclass (no memory, a mistake of ours) is returned as it is: the picture must not be
 * blamed for it.
 */
export function toImageError(error: unknown): unknown {
  if (!(error instanceof Error) || Object.getPrototypeOf(error) !== Error.prototype) return error;
  const { message } = error;
  if (message.startsWith('timeout:')) return decodeTimeout(error);
  if (message.includes('exceeds pixel limit')) {
    return new ImageError('image_too_many_pixels', 'The image has more pixels than are accepted.', { cause: error });
  }
  // The first line says why, but for what libvips notes as libheif reads ahead.
  const lines = message.replace(/^Input buffer has corrupt header: /, '').split('\n');
  const reason = lines.find((line) => !line.startsWith('source: bad seek'))?.slice(0, 200) ?? '';
  return undecodable(`The image cannot be decoded: ${reason}`, error);
}

export function decodeTimeout(cause?: unknown): ImageError {
  return new ImageError('image_decode_timeout', 'Decoding the image took longer than is allowed.', { cause });
}

/** The data of a strip or tile is wrong; `codec` names its compression. */
export function damaged(codec: string, cause?: unknown): ImageError {
  return undecodable(`The TIFF's ${codec} data is damaged.`, cause);
}
