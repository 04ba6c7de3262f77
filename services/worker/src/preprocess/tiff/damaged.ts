import { ImageError } from '@quintet/images';

/** What a strip or tile is said to have where its data is wrong; `codec` names its compression. */
export function damaged(codec: string, cause?: unknown): ImageError {
  return new ImageError('image_undecodable', `The TIFF's ${codec} data is damaged.`, { cause });
}
