import { ImageError, type ImageLimits } from './image-info.js';
import { inspectImage } from './inspect-image.js';

/** The code with which a file is refused, which must come with a sentence; 'accepted' where it is not. */
export function codeUnder(bytes: Buffer, limits: ImageLimits): string {
  try {
    inspectImage(bytes, limits);
    return 'accepted';
  } catch (error) {
    if (error instanceof ImageError && error.detail.length > 0) return error.code;
    throw error;
  }
}
