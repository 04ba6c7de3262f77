import { ImageError } from '@quintet/images';

/** What a decoder's failure means for the client. Library messages keep their first line: they name the cause. */
export function toImageError(error: unknown): ImageError {
  if (error instanceof ImageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('timeout:')) return decodeTimeout(error);
  if (message.includes('exceeds pixel limit')) {
    return new ImageError('image_too_many_pixels', 'The image has more pixels than are accepted.', { cause: error });
  }
  const reason = message.split('\n', 1)[0]?.slice(0, 200) ?? '';
  return new ImageError('image_undecodable', `The image cannot be decoded: ${reason}`, { cause: error });
}

export function decodeTimeout(cause?: unknown): ImageError {
  return new ImageError('image_decode_timeout', 'Decoding the image took longer than is allowed.', { cause });
}
