import { constants, inflateSync } from 'node:zlib';
import { ByteReader } from './byte-reader.js';
import { pngMemory } from './decode-memory.js';
import { exifOrientation, orientationOf, turns, xmpOrientation } from './exif-orientation.js';
import { checkDimensions, undecodable, type ImageLimits, type Walk } from './image-info.js';

const depthsByColourType: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]);

/**
 * PNG and APNG (W3C PNG, third edition): signature, chunks from IHDR to IEND. Checksums are the decoder's business.
 *
 * A file that ends behind a whole IDAT chunk, within its checksum or with bytes that are no chunk, is accepted, as browsers and
 * Pillow accept it: whether a picture lacks data, its decoder finds.
 */
export function walkPng(bytes: ByteReader, limits: ImageLimits): Walk {
  if (bytes.u32be(8) !== 13 || !bytes.matches(12, 'IHDR')) {
    throw undecodable('The PNG does not start with its header chunk.');
  }
  const width = bytes.u32be(16);
  const height = bytes.u32be(20);
  checkDimensions(width, height, limits);
  const depth = bytes.u8(24);
  const colourType = bytes.u8(25);
  if (depthsByColourType.get(colourType)?.includes(depth) !== true || bytes.u8(28) > 1) {
    throw undecodable(`The PNG has colour type ${colourType} with ${depth} bits.`);
  }
  let at = 33;
  let frames = 1;
  let data = false;
  let palette = false;
  const orientations = new PngOrientation();
  const packedTexts: number[] = [];
  for (;;) {
    bytes.countPart();
    if (data && !isChunk(bytes, at)) break;
    const length = bytes.u32be(at);
    const type = bytes.fourcc(at + 4);
    if (!isChunkType(type)) throw undecodable('A PNG chunk has an impossible type.');
    bytes.need(at + 8, type === 'IDAT' ? length : length + 4, () => `${type} chunk`);
    if (type === 'IDAT') {
      if (colourType === 3 && !palette) throw undecodable('The PNG lacks its palette.');
      data ||= length > 0;
    } else if (type === 'PLTE') {
      palette = true;
    } else if (type === 'acTL') {
      frames = Math.max(1, length >= 4 ? bytes.u32be(at + 8) : 1);
    } else if (type === 'zTXt' || type === 'iTXt') {
      packedTexts.push(length);
    }
    orientations.visit(bytes, { type, from: at + 8, end: at + 8 + length });
    at = Math.min(bytes.length, at + 12 + length);
    if (type === 'IEND') break;
  }
  if (!data) throw undecodable('The PNG holds no picture data.');
  const orientation = orientations.read(bytes);
  const kind = { colourType, depth, interlaced: bytes.u8(28) === 1, turned: turns(orientation), packedTexts };
  return { width, height, frames, orientation, end: at, decodeBytes: pngMemory({ width, height }, kind) };
}

/** Whether there is the head of a chunk that is more than the end of an IEND chunk. */
function isChunk(bytes: ByteReader, at: number): boolean {
  if (at + 8 > bytes.length || !isChunkType(bytes.fourcc(at + 4))) return false;
  return bytes.fourcc(at + 4) !== 'IEND' || at + 12 <= bytes.length;
}

function isChunkType(type: string): boolean {
  for (let i = 0; i < 4; i += 1) {
    const letter = type.charCodeAt(i) | 0x20;
    if (letter < 0x61 || letter > 0x7a) return false;
  }
  return true;
}

const RAW_EXIF = 'Raw profile type exif';
const XMP = 'XML:com.adobe.xmp';
/** Pillow's bound for a text: what is longer is not read, so that an upload cannot ask for more of the event loop. */
const MAX_TEXT = 1024 * 1024;

interface Chunk {
  readonly type: string;
  readonly from: number;
  readonly end: number;
}

/**
 * How a PNG is to be turned. Beside its eXIf chunk, EXIF is in the text that ImageMagick writes, hexadecimal, and XMP in a text
 * of its own; as in Pillow, a later chunk goes before an earlier one of the same kind, and eXIf goes before text.
 * It sees each chunk that may say how the picture is turned; only the last of a kind is unpacked.
 */
class PngOrientation {
  #exif: number | undefined;
  #rawExif: Chunk | undefined;
  #xmp: Chunk | undefined;

  visit(bytes: ByteReader, chunk: Chunk): void {
    const { type, from, end } = chunk;
    if (type === 'eXIf') this.#exif = exifOrientation(bytes, from, end);
    else if (type === 'tEXt' || type === 'zTXt' || type === 'iTXt') {
      if (bytes.matches(from, `${RAW_EXIF}\0`)) this.#rawExif = chunk;
      else if (bytes.matches(from, `${XMP}\0`)) this.#xmp = chunk;
    }
  }

  /** 1 to 8. */
  read(bytes: ByteReader): number {
    const exif = this.#exif ?? rawProfileOrientation(textOf(bytes, this.#rawExif, RAW_EXIF));
    const xmp = exif === undefined ? textOf(bytes, this.#xmp, XMP) : undefined;
    return orientationOf({ exif, xmp: xmp && xmpOrientation(xmp) });
  }
}

/** A newline, the profile's name, its length, each in a line, then the profile as hexadecimal digits. */
function rawProfileOrientation(text: Buffer | undefined): number | undefined {
  if (text === undefined) return undefined;
  const digits = text.toString('latin1').split('\n').slice(3).join('').replaceAll(/\s/g, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) return undefined;
  const profile = Buffer.from(digits, 'hex');
  return exifOrientation(new ByteReader(profile), 0, profile.length);
}

/** The text of a chunk, unpacked; undefined where it cannot be, or is too long. */
function textOf(bytes: ByteReader, chunk: Chunk | undefined, keyword: string): Buffer | undefined {
  if (chunk === undefined) return undefined;
  const { type, from, end } = chunk;
  const text = bytes.buffer.subarray(from + keyword.length + 1, end);
  if (type === 'tEXt') return text.length <= MAX_TEXT ? text : undefined;
  // The compression method, 0 for deflate.
  if (type === 'zTXt') return text[0] === 0 ? inflated(text.subarray(1)) : undefined;
  // A flag, the method, a language and the keyword in that language, each closed by 0.
  const language = text.indexOf(0, 2);
  const translated = language < 0 ? -1 : text.indexOf(0, language + 1);
  if (translated < 0) return undefined;
  const body = text.subarray(translated + 1);
  if (text[0] === 0) return body.length <= MAX_TEXT ? body : undefined;
  return text[1] === 0 ? inflated(body) : undefined;
}

/** As far as it goes where the end of the data is missing. */
function inflated(data: Buffer): Buffer | undefined {
  try {
    return inflateSync(data, { maxOutputLength: MAX_TEXT, finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return undefined;
  }
}
