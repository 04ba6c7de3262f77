/**
 * What an upload is, by its bytes alone: format, size and structural completeness, without decoding a pixel.
 *
 * Each format's walker follows the container from its signature to its end, reads only headers, allocates nothing that
 * grows with the file, and cannot loop: every part of the file that it comes to counts against a limit (byte-reader.ts), so that
 * none holds the event loop for more than some 30 ms. What only a decoder can find (a flipped bit in compressed data) is
 * left to the decoder.
 */
import { isBmp, walkBmp } from './bmp.js';
import { ByteReader } from './byte-reader.js';
import { checkMemory } from './decode-memory.js';
import { walkGif } from './gif.js';
import { readBox } from './heif-boxes.js';
import { ImageError, mediaTypes, type ImageFormat, type ImageInfo, type ImageLimits, type Walk } from './image-info.js';
import { walkPng } from './png.js';
import { refusePolyglot } from './trailer.js';
import { walkHeif } from './walk-heif.js';
import { walkJpeg } from './walk-jpeg.js';
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

const signatures: readonly (readonly [number, string, string])[] = [
  [0, '%PDF-', 'a PDF'],
  [0, '%!PS', 'PostScript'],
  [0, '8BPS', 'a Photoshop document'],
  [0, '\xff\x0a', 'JPEG XL'],
  [4, 'JXL ', 'JPEG XL'],
  [4, 'jP  ', 'JPEG 2000'],
  [0, '\xff\x4f\xff\x51', 'JPEG 2000'],
  [0, 'II\xbc\x01', 'JPEG XR'],
  [0, '\0\0\x01\0', 'an icon (ICO)'],
  [0, 'qoif', 'a QOI image'],
  [0, '\x76\x2f\x31\x01', 'OpenEXR'],
  [0, '#?RADIANCE', 'a Radiance HDR image'],
  [0, 'PK\x03\x04', 'a ZIP archive or an office document'],
  [0, 'Rar!', 'a RAR archive'],
  [0, "7z\xbc\xaf'\x1c", 'a 7z archive'],
  [0, '\x1f\x8b', 'gzip data'],
  [0, '\x7fELF', 'a program'],
  [0, 'MZ', 'a Windows program'],
  [4, 'ftyp', 'a video or another ISO media file'],
  [0, '\x1a\x45\xdf\xa3', 'a Matroska or WebM video'],
  [0, 'OggS', 'Ogg media'],
  [0, 'ID3', 'MP3 audio'],
  [8, 'WAVE', 'WAVE audio'],
  [8, 'AVI ', 'an AVI video'],
];

/** Names what the bytes look like, for the message that refuses them. */
function describeContent(bytes: ByteReader): string {
  for (const [at, text, name] of signatures) {
    if (bytes.matches(at, text)) return name;
  }
  const head = bytes.buffer.toString('latin1', 0, 4096);
  const markup = head
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
    .toLowerCase();
  if (markup.startsWith('<')) {
    if (/<svg[\s>:]/.test(markup)) return 'an SVG';
    if (markup.startsWith('<!doctype html') || markup.startsWith('<html')) return 'HTML';
    return 'XML or HTML';
  }
  if (markup.startsWith('{') || markup.startsWith('[')) return 'text (perhaps JSON)';
  // eslint-disable-next-line no-control-regex -- control characters are exactly what tells text from other data
  if (head.length > 0 && !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(head)) return 'text';
  return 'nothing known';
}

const avifBrands: ReadonlySet<string> = new Set(['avif', 'avis']);
const heicBrands: ReadonlySet<string> = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']);

/** What the brands of the `ftyp` box promise; undefined for other ISO media (video, Canon raw). */
function heifKind(bytes: ByteReader): 'avif' | 'heic' | 'heif' | undefined {
  const ftyp = readBox(bytes, 0, bytes.length);
  if (ftyp?.type !== 'ftyp') return undefined;
  const end = Math.min(ftyp.end, bytes.length);
  let generic = false;
  for (let at = ftyp.payload; at + 4 <= end; at += at === ftyp.payload ? 8 : 4) {
    bytes.countPart();
    const brand = bytes.fourcc(at);
    if (avifBrands.has(brand)) return 'avif';
    if (heicBrands.has(brand)) return 'heic';
    generic ||= brand === 'mif1' || brand === 'msf1';
  }
  return generic ? 'heif' : undefined;
}
