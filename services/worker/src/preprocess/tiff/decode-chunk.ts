/** From the bytes of a strip or tile to its lines, in pieces. What is damaged throws; what is missing is missing at the end. */
import { constants, createInflate, inflateSync } from 'node:zlib';
import { ImageError, tooComplex } from '@quintet/images';
import { chunkExtent, CODEC, linesOf, PHOTOMETRIC, rowsOf, TAG, type TiffPage } from '@quintet/images/tiff';
import sharp, { type Sharp } from 'sharp';
import { ZSTDDecoder } from 'zstddec';
import { damaged } from '../decode-error.js';
import { unpackFax } from './fax.js';
import { frameOf, isEnded, joinStream, oldJpegStream, readHeader } from './jpeg.js';
import { unpackLzw, unpackPackbits } from './small-codecs.js';

/** What a codec yields: bytes in pieces of any length, each valid until the next is asked for. */
export type Pieces = Iterator<Uint8Array> | AsyncIterator<Uint8Array>;

/** Reads as many bytes at a time as are wanted, however long the pieces are. */
export class PieceReader {
  readonly #pieces: Pieces;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
  }

  /** Fills `target`. False where the pieces end before it is full. */
  async fill(target: Uint8Array): Promise<boolean> {
    let at = 0;
    while (at < target.length) {
      if (this.#piece.length === 0 && !(await this.#next())) return false;
      const part = this.#piece.subarray(0, target.length - at);
      target.set(part, at);
      at += part.length;
      this.#piece = this.#piece.subarray(part.length);
    }
    return true;
  }

  /** Reads on to the end, or past `most` bytes: a codec with a checksum compares it there. */
  async drain(most: number): Promise<void> {
    let left = most - this.#piece.length;
    while (left > 0 && (await this.#next())) left -= this.#piece.length;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #next(): Promise<boolean> {
    const next = this.#pieces.next();
    const result = next instanceof Promise ? await next : next;
    if (result.done === true) return false;
    this.#piece = result.value;
    return true;
  }
}

/** Up to so many bytes are inflated at once; a stream costs more, but gives up in time. */
const INFLATE_AT_ONCE = 1_000_000;
/** Of a progressive JPEG, all coefficients are kept, which the estimate of its memory does not count. */
const MOST_PROGRESSIVE_PIXELS = 4_000_000;

export async function chunkPieces(page: TiffPage, index: number, timeoutMs: number): Promise<Pieces> {
  const { codec } = page;
  const { at, end } = chunkExtent(page, index);
  const stored = page.directory.tiff.bytes.buffer.subarray(at, end);
  if (codec === CODEC.jpeg) {
    // Some sizes leave the end of the stream out. One without it has been cut, for all that can be known.
    const longer = page.directory.tiff.bytes.buffer.subarray(at, end + 2);
    return one(await jpegChunk(page, index, isEnded(longer) ? longer : stored, timeoutMs));
  }
  if (codec === CODEC.webp) return one(await webpChunk(page, index, stored, timeoutMs));
  const data = page.reversed ? reversedBits(stored) : stored;
  const lines = linesOf(page);
  const length = Math.ceil(rowsOf(page, index) / lines.rows) * lines.bytes;
  switch (codec) {
    case CODEC.none:
      return one(data);
    case CODEC.lzw:
      return unpackLzw(data);
    case CODEC.packbits:
      return unpackPackbits(data);
    case CODEC.deflate:
    case CODEC.oldDeflate:
      return inflate(data, length);
    case CODEC.zstd:
      // Some writers fill the last strip.
      return one(await unpackZstd(data, Math.ceil(page.chunks.height / lines.rows) * lines.bytes));
    default:
      return unpackFax(data, faxLayout(page, index));
  }
}

/** An old-style JPEG as the one strip that it is: the picture's samples, one line after the other. */
export async function oldJpegPieces(page: TiffPage, timeoutMs: number): Promise<Pieces> {
  const stream = oldJpegStream(page);
  const { width, height } = page;
  return one(await decodeJpeg(page, stream, { width, least: height, most: height, timeoutMs }));
}

function one(piece: Uint8Array): Pieces {
  return [piece][Symbol.iterator]();
}

const mirrored = Uint8Array.from({ length: 256 }, (_value, byte) =>
  Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2),
);

function reversedBits(data: Uint8Array): Uint8Array {
  return data.map((byte) => mirrored[byte] ?? 0);
}

function faxLayout(page: TiffPage, index: number): Parameters<typeof unpackFax>[1] {
  const layout = { width: page.chunks.width, rows: rowsOf(page, index), twoDimensional: false };
  switch (page.codec) {
    case CODEC.fax3:
      return { ...layout, kind: 'group 3', twoDimensional: ((page.directory.number(TAG.faxOptions) ?? 0) & 1) === 1 };
    case CODEC.fax4:
      return { ...layout, kind: 'group 4' };
    default:
      return { ...layout, kind: { align: page.codec === CODEC.ccittRle ? 8 : 16 } };
  }
}

/** Data that ends early is no error here. */
const partial = { finishFlush: constants.Z_SYNC_FLUSH };

function inflate(data: Uint8Array, length: number): Pieces {
  if (Math.max(length, data.length) > INFLATE_AT_ONCE) return inflateStream(data);
  try {
    return one(inflateSync(data, { ...partial, chunkSize: Math.max(64, length + 1), maxOutputLength: length }));
  } catch (error) {
    // More than was asked for: strips with rows behind the picture's last, or anything.
    if (error instanceof RangeError) return inflateStream(data);
    throw damaged('deflate', error);
  }
}

async function* inflateStream(data: Uint8Array): AsyncGenerator<Uint8Array> {
  const stream = createInflate({ ...partial, chunkSize: 65_536 });
  stream.end(data);
  try {
    for await (const piece of stream) yield piece as Uint8Array;
  } catch (error) {
    throw damaged('deflate', error);
  }
}

/** Loaded when the first such picture comes. One memory for all: a call never waits, so that no two use it at once. */
const zstd = new ZSTDDecoder();

async function unpackZstd(data: Uint8Array, most: number): Promise<Uint8Array> {
  await zstd.init();
  const unpacked = zstd.decode(data, most);
  // An error of libzstd's is a negative length, of which nothing is left.
  if (unpacked.length === 0) throw damaged('ZSTD');
  return unpacked;
}

interface Expected {
  readonly width: number;
  /** Rows. */
  readonly least: number;
  readonly most: number;
  readonly timeoutMs: number;
}

function jpegChunk(page: TiffPage, index: number, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  const tables = page.directory.extent(TAG.jpegTables);
  const file = page.directory.tiff.bytes.buffer;
  const shared = tables === undefined ? [] : readHeader(file.subarray(tables.at, tables.at + tables.length)).segments;
  const { segments, scan } = readHeader(data);
  if (scan === undefined) throw damaged('JPEG');
  const components = page.planar ? 1 : page.samples;
  const transform = components !== 3 ? undefined : page.photometric === PHOTOMETRIC.ycbcr ? 1 : 0;
  const stream = joinStream([...shared, ...segments], transform, data.subarray(scan));
  const { width, height } = page.chunks;
  return decodeJpeg(page, stream, { width, least: rowsOf(page, index), most: height, timeoutMs });
}

/** The samples of a stream, or of as many of its rows as are expected. */
async function decodeJpeg(page: TiffPage, stream: Buffer, expected: Expected): Promise<Uint8Array> {
  const components = page.planar ? 1 : page.samples;
  const frame = frameOf(readHeader(stream).segments);
  const fits =
    frame?.width === expected.width &&
    frame.height >= expected.least &&
    frame.height <= expected.most &&
    frame.components === components;
  if (!fits) throw damaged('JPEG');
  if (frame.progressive && frame.width * frame.height > MOST_PROGRESSIVE_PIXELS) {
    throw tooComplex('The TIFF has progressive JPEG data of too many pixels in one piece.');
  }
  return decodeWithSharp(stream, 'JPEG', { ...expected, channels: components });
}

function webpChunk(page: TiffPage, index: number, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  const rows = rowsOf(page, index);
  const expected = { width: page.chunks.width, least: rows, most: page.chunks.height, timeoutMs };
  return decodeWithSharp(Buffer.from(data), 'WebP', { ...expected, channels: page.samples });
}

/**
 * Any warning of libjpeg means that something of the data was wrong or missing, and has been made up. (libvips looks for warnings
 * before every few rows, so that it misses those of the last; an end that comes too early it finds everywhere.)
 */
async function decodeWithSharp(
  stream: Buffer,
  codec: 'JPEG' | 'WebP',
  { width, least, most, channels, timeoutMs }: Expected & { readonly channels: number },
): Promise<Uint8Array> {
  const options = { failOn: 'warning', ignoreIcc: true, limitInputPixels: width * most, sequentialRead: true } as const;
  let image: Sharp = sharp(stream, options).timeout({ seconds: Math.max(1, Math.ceil(timeoutMs / 1000)) });
  if (codec === 'WebP') image = channels === 4 ? image.ensureAlpha() : image.removeAlpha();
  else if (channels === 4) image = image.pipelineColourspace('cmyk').toColourspace('cmyk');
  else if (channels === 1) image = image.toColourspace('b-w');
  try {
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.width !== width || info.height < least || info.height > most || info.channels !== channels) {
      throw damaged(codec);
    }
    // libvips takes four components for inks that are stored inverted, as Adobe's programs store them in JPEG files. In a TIFF
    // they are not.
    return codec === 'JPEG' && channels === 4 ? data.map((value) => 255 - value) : data;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('timeout:')) throw error;
    throw error instanceof ImageError ? error : damaged(codec, error);
  }
}
