/**
 * How a PNG is to be turned. Beside its eXIf chunk, EXIF is in the text that ImageMagick writes, hexadecimal, and XMP in a text
 * of its own; as in Pillow, a later chunk goes before an earlier one of the same kind, and eXIf goes before text.
 */
import { constants, inflateSync } from 'node:zlib';
import { ByteReader } from './byte-reader.js';
import { exifOrientation, orientationOf, xmpOrientation } from './exif-orientation.js';

const RAW_EXIF = 'Raw profile type exif';
const XMP = 'XML:com.adobe.xmp';
/** Pillow's bound for a text: what is longer is not read, so that an upload cannot ask for more of the event loop. */
const MAX_TEXT = 1024 * 1024;

interface Chunk {
  readonly type: string;
  readonly from: number;
  readonly end: number;
}

/** Is told of each chunk that may say how the picture is turned; only the last of a kind is unpacked. */
export class PngOrientation {
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
