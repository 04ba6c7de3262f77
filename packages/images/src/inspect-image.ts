/**
 * What an upload is, by its bytes alone: format, size and structural completeness, without decoding a pixel.
 *
 * Each format's walker follows the container from its signature to its end, reads only headers, allocates nothing that
 * grows with the file, and cannot loop: every part of the file that it comes to counts against a limit (byte-reader.ts), so that
 * none holds the event loop for more than some 30 ms. What only a decoder can find (a flipped bit in compressed data) is
 * left to the decoder.
 */
import { isBmp } from './bmp-header.js';
import { ByteReader } from './byte-reader.js';
import { checkMemory } from './decode-memory.js';
import { describeContent } from './describe-content.js';
import { heifKind } from './heif-kind.js';
import { ImageError } from './image-error.js';
import { type ImageFormat, type ImageInfo, type ImageLimits, mediaTypes, type Walk } from './image-info.js';
import { refusePolyglot } from './trailer.js';
import { walkBmp } from './walk-bmp.js';
import { walkGif } from './walk-gif.js';
import { walkHeif } from './walk-heif.js';
import { walkJpeg } from './walk-jpeg.js';
import { walkPng } from './walk-png.js';
import { walkTiff } from './walk-tiff.js';
import { walkWebp } from './walk-webp.js';

/**
 * Identifies and checks an image.
 *
 * @param bytes the whole file
 * @param limits the most pixels one frame may claim, and the most memory its decoding may take
 * @throws ImageError with a code of the error registry, and never anything else
 */
export function inspectImage(bytes: Buffer, limits: ImageLimits): ImageInfo {
  const reader = new ByteReader(bytes);
  const { format, walk } = walkFormat(reader, limits);
  refusePolyglot(reader, walk.end);
  checkMemory(walk, limits);
  const { width, height, frames, orientation, decodeBytes, parts } = walk;
  const turned = orientation === undefined ? {} : { orientation };
  const divided = parts === undefined ? {} : { parts };
  return { format, mediaType: mediaTypes[format], width, height, frames, ...turned, decodeBytes, ...divided };
}

function walkFormat(bytes: ByteReader, limits: ImageLimits): { format: ImageFormat; walk: Walk } {
  if (bytes.matches(0, '\xff\xd8\xff')) return { format: 'jpeg', walk: walkJpeg(bytes, 0, limits) };
  if (bytes.matches(0, '\x89PNG\r\n\x1a\n')) return { format: 'png', walk: walkPng(bytes, limits) };
  if (bytes.matches(0, 'GIF87a') || bytes.matches(0, 'GIF89a')) return { format: 'gif', walk: walkGif(bytes, limits) };
  if (bytes.matches(0, 'RIFF') && bytes.matches(8, 'WEBP')) return { format: 'webp', walk: walkWebp(bytes, limits) };
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some((magic) => bytes.matches(0, magic))) {
    return { format: 'tiff', walk: walkTiff(bytes, limits) };
  }
  if (isBmp(bytes)) return { format: 'bmp', walk: walkBmp(bytes, limits) };
  if (heifKind(bytes) !== undefined) {
    const walk = walkHeif(bytes, limits);
    return { format: walk.codec, walk };
  }
  throw new ImageError(
    'image_format_unsupported',
    `The file is not a supported image; it looks like ${describeContent(bytes)}.`,
  );
}
