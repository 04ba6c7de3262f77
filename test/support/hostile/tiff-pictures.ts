/**
 * TIFFs of every kind that is read, from pixels that are known: layouts, codecs, samples, colours. Slow and plain, to be
 * right without a look at the decoder.
 */
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { Pixels } from '../../fixtures/images/pixels.js';
import { headerBytes, type TiffField, writeTiff } from './tiff-writer.js';

export const tiffCodecs = {
  none: 1,
  lzw: 5,
  jpeg: 7,
  deflate: 8,
  packbits: 32_773,
  zstd: 50_000,
  webp: 50_001,
} as const;
export type TiffCodec = keyof typeof tiffCodecs;

/** How colours are stored, and how many of a pixel's samples they take. */
const colours = {
  'white is zero': { photometric: 0, samples: 1 },
  grey: { photometric: 1, samples: 1 },
  rgb: { photometric: 2, samples: 3 },
  palette: { photometric: 3, samples: 1 },
  cmyk: { photometric: 5, samples: 4 },
  ycbcr: { photometric: 6, samples: 3 },
} as const;

export interface TiffPicture {
  /** Of 'grey', 'white is zero' and 'palette' the red channel is what is stored. */
  readonly pixels: Pixels;
  readonly colour?: keyof typeof colours;
  readonly codec?: TiffCodec;
  readonly order?: 'II' | 'MM';
  readonly big?: boolean;
  readonly tile?: { readonly width: number; readonly height: number };
  readonly rowsPerStrip?: number;
  readonly planar?: boolean;
  /** Of a sample. Values are the pixels' stretched to all that the samples can hold; floats are 0–1. */
  readonly bits?: number;
  readonly format?: 'unsigned' | 'signed' | 'float';
  /** The pixels' values as they are, whatever the samples could hold. */
  readonly unscaled?: boolean;
  readonly predictor?: 1 | 2 | 3;
  /** Bits of each stored byte from the lowest. */
  readonly reversed?: boolean;
  /** One more sample, of which this is the value: 0 to 255. */
  readonly alpha?: { readonly value: number; readonly premultiplied: boolean };
  readonly subsampling?: readonly [across: number, down: number];
  readonly orientation?: number;
  /** Replaces fields of the same tag. */
  readonly more?: readonly TiffField[];
  readonly next?: number | 'missing';
}

/** What the pixels become when they are stored as one channel: the red one, three times. */
export function greyOf(pixels: Pixels): Pixels {
  return { ...pixels, data: pixels.data.map((_value, i) => pixels.data[i - (i % 3)] ?? 0) };
}

export async function tiffPicture(picture: TiffPicture): Promise<Buffer> {
  const { fields, chunks } = await tiffParts(picture);
  const { order = 'II', big = false, next } = picture;
  return writeTiff({ fields, data: Buffer.concat(chunks), order, big, ...(next !== undefined && { next }) });
}

/** The fields, and the strips or tiles that they point at, one after the other behind the header. */
export async function tiffParts(picture: TiffPicture): Promise<{ fields: TiffField[]; chunks: Buffer[] }> {
  const { pixels, colour = 'rgb', codec = 'none', tile, planar = false, alpha } = picture;
  const { width, height } = pixels;
  const bits = picture.bits ?? 8;
  const format = picture.format ?? 'unsigned';
  const { photometric, samples: own } = colours[colour];
  const samples = own + (alpha === undefined ? 0 : 1);
  const [across, down] = [tile?.width ?? width, tile?.height ?? Math.min(height, picture.rowsPerStrip ?? height)];
  const chunks: Buffer[] = [];
  for (const plane of planar ? Array.from({ length: samples }, (_value, i) => [i]) : [range(samples)]) {
    for (let top = 0; top < height; top += down) {
      for (let left = 0; left < width; left += across) {
        const rows = tile === undefined ? Math.min(down, height - top) : down;
        chunks.push(await chunkOf(picture, { left, top, across, rows, plane }));
      }
    }
  }
  let at = headerBytes(picture.big);
  const offsets = chunks.map((chunk) => {
    at += chunk.length;
    return at - chunk.length;
  });
  const long = (tag: number, ...values: number[]): TiffField => ({ tag, type: 4, values });
  const short = (tag: number, ...values: number[]): TiffField => ({ tag, type: 3, values });
  const sizes = chunks.map((chunk) => chunk.length);
  const fields = [
    long(256, width),
    long(257, height),
    short(258, ...range(samples).map(() => bits)),
    short(259, tiffCodecs[codec]),
    short(262, photometric),
    ...(picture.reversed === true ? [short(266, 2)] : []),
    ...(tile === undefined ? [long(273, ...offsets)] : []),
    ...(picture.orientation === undefined ? [] : [short(274, picture.orientation)]),
    short(277, samples),
    ...(tile === undefined ? [long(278, down), long(279, ...sizes)] : []),
    short(284, planar ? 2 : 1),
    ...(picture.predictor === undefined ? [] : [short(317, picture.predictor)]),
    ...(colour === 'palette' ? [{ tag: 320, type: 3, values: paletteOf(bits) }] : []),
    ...(tile === undefined ? [] : [long(322, across), long(323, down), long(324, ...offsets), long(325, ...sizes)]),
    ...(alpha === undefined ? [] : [short(338, alpha.premultiplied ? 1 : 2)]),
    ...(format === 'unsigned' ? [] : [short(339, ...range(samples).map(() => (format === 'signed' ? 2 : 3)))]),
    ...(colour === 'ycbcr' ? [short(530, ...(picture.subsampling ?? [1, 1]))] : []),
  ];
  const more = picture.more ?? [];
  const kept = fields.filter(({ tag }) => !more.some((field) => field.tag === tag));
  return { fields: [...kept, ...more].sort((a, b) => a.tag - b.tag), chunks };
}

const range = (length: number): number[] => Array.from({ length }, (_value, i) => i);

/** Entry i is the grey that i is of the highest index, in 16 bits. */
function paletteOf(bits: number): number[] {
  const greys = range(2 ** bits).map((i) => Math.round((i * 255) / (2 ** bits - 1)) * 257);
  return [...greys, ...greys, ...greys];
}

interface Chunk {
  readonly left: number;
  readonly top: number;
  readonly across: number;
  readonly rows: number;
  /** Which samples it has. */
  readonly plane: readonly number[];
}

/** The samples of a pixel, each 0 to 255; beyond the picture its last pixels are repeated. */
function samplesAt({ pixels, colour = 'rgb', alpha }: TiffPicture, x: number, y: number): number[] {
  const at = 3 * (Math.min(y, pixels.height - 1) * pixels.width + Math.min(x, pixels.width - 1));
  const [r = 0, g = 0, b = 0] = pixels.data.subarray(at, at + 3);
  const dim = (value: number): number =>
    alpha?.premultiplied === true ? Math.ceil((value * alpha.value) / 255) : value;
  const extra = alpha === undefined ? [] : [alpha.value];
  switch (colour) {
    case 'white is zero':
      return [255 - r, ...extra];
    case 'grey':
    case 'palette':
      return [r, ...extra];
    case 'rgb':
      return [dim(r), dim(g), dim(b), ...extra];
    case 'cmyk':
      return [255 - r, 255 - g, 255 - b, 0, ...extra];
    case 'ycbcr': {
      const light = 0.299 * r + 0.587 * g + 0.114 * b;
      const [blue, red] = [128 + (b - light) / 1.772, 128 + (r - light) / 1.402];
      return [light, blue, red].map((value) => Math.max(0, Math.min(255, Math.round(value))));
    }
  }
}

async function chunkOf(picture: TiffPicture, chunk: Chunk): Promise<Buffer> {
  const { left, top, across, rows, plane } = chunk;
  const { codec = 'none' } = picture;
  if (codec === 'jpeg' || codec === 'webp') return encodeWithSharp(picture, chunk);
  const lines: Buffer[] = [];
  const [h, v] = picture.subsampling ?? [1, 1];
  for (let y = top; y < top + rows; y += v) {
    if (h * v > 1) lines.push(units(picture, { left, across, y, h, v }));
    else {
      const values: number[] = [];
      for (let x = left; x < left + across; x += 1) {
        const all = samplesAt(picture, x, y);
        values.push(...plane.map((index) => all[index] ?? 0));
      }
      lines.push(differences(packLine(picture, values), picture, plane.length));
    }
  }
  const packed = pack(Buffer.concat(lines), codec);
  return picture.reversed === true ? reversedBits(packed) : packed;
}

function units(
  picture: TiffPicture,
  { left, across, y, h, v }: { left: number; across: number; y: number; h: number; v: number },
): Buffer {
  const bytes: number[] = [];
  for (let x = left; x < left + across; x += h) {
    for (let row = 0; row < v; row += 1) {
      for (let column = 0; column < h; column += 1) bytes.push(samplesAt(picture, x + column, y + row)[0] ?? 0);
    }
    bytes.push(...samplesAt(picture, x, y).slice(1));
  }
  return Buffer.from(bytes);
}

/** Samples of 0–255 as the picture has them. */
function packLine(picture: TiffPicture, values: readonly number[]): Buffer {
  const { bits = 8, format = 'unsigned', order = 'II', unscaled = false } = picture;
  const little = order === 'II';
  if (format === 'float') {
    const bytes = bits / 8;
    const line = Buffer.alloc(values.length * bytes);
    values.forEach((value, i) => {
      const number = unscaled ? value : value / 255;
      if (bytes === 8) line[little ? 'writeDoubleLE' : 'writeDoubleBE'](number, 8 * i);
      else if (bytes === 4) line[little ? 'writeFloatLE' : 'writeFloatBE'](number, 4 * i);
      else line[little ? 'writeUInt16LE' : 'writeUInt16BE'](halfOf(number), 2 * i);
    });
    return line;
  }
  const most = 2n ** BigInt(format === 'signed' ? bits - 1 : bits) - 1n;
  const numbers = values.map((value) => (unscaled ? BigInt(value) : (BigInt(value) * most + 127n) / 255n));
  if (bits % 8 !== 0) {
    const digits = numbers.map((number) => number.toString(2).padStart(bits, '0')).join('');
    const padded = digits.padEnd(Math.ceil(digits.length / 8) * 8, '0');
    return Buffer.from(padded.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
  }
  const bytes = numbers.map((number) => Buffer.from(number.toString(16).padStart(bits / 4, '0'), 'hex'));
  return Buffer.concat(little ? bytes.map((each) => each.reverse()) : bytes);
}

/** Of numbers from 0 to 1, rounded down. */
function halfOf(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(value)));
  return ((exponent + 15) << 10) | Math.floor((value / 2 ** exponent - 1) * 1024);
}

function differences(line: Buffer, picture: TiffPicture, stride: number): Buffer {
  const { predictor = 1, bits = 8, order = 'II' } = picture;
  const bytes = bits / 8;
  if (predictor === 1) return line;
  if (predictor === 3) {
    const count = line.length / bytes;
    const apart = Buffer.alloc(line.length);
    for (let i = 0; i < count; i += 1) {
      for (let b = 0; b < bytes; b += 1)
        apart[b * count + i] = line[i * bytes + (order === 'II' ? bytes - 1 - b : b)] ?? 0;
    }
    return apart.map((byte, i) => byte - (i < stride ? 0 : (apart[i - stride] ?? 0))) as Buffer;
  }
  const number = (i: number): bigint => {
    const own = Buffer.from(line.subarray(i * bytes, (i + 1) * bytes));
    return BigInt(`0x${(order === 'II' ? own.reverse() : own).toString('hex')}`);
  };
  const out = Buffer.from(line);
  for (let i = stride; i < line.length / bytes; i += 1) {
    const difference = BigInt.asUintN(bits, number(i) - number(i - stride));
    const own = Buffer.from(difference.toString(16).padStart(2 * bytes, '0'), 'hex');
    out.set(order === 'II' ? own.reverse() : own, i * bytes);
  }
  return out;
}

function reversedBits(bytes: Buffer): Buffer {
  return Buffer.from(
    bytes.map((byte) => Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2)),
  );
}

function pack(bytes: Buffer, codec: TiffCodec): Buffer {
  switch (codec) {
    case 'deflate':
      return deflateSync(bytes);
    case 'packbits':
      return packbits(bytes);
    case 'lzw':
      return lzw(bytes);
    case 'zstd':
      return zstd(bytes);
    case 'none':
    case 'jpeg':
    case 'webp':
      return bytes;
  }
}

export function packbits(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let run = 1;
    while (run < 128 && at + run < bytes.length && bytes[at + run] === bytes[at]) run += 1;
    if (run > 2) {
      out.push(257 - run, bytes[at] ?? 0);
      at += run;
      continue;
    }
    let end = at + 1;
    while (end < bytes.length && end - at < 128 && !(bytes[end] === bytes[end + 1] && bytes[end] === bytes[end + 2]))
      end += 1;
    out.push(end - at - 1, ...bytes.subarray(at, end));
    at = end;
  }
  return Buffer.from(out);
}

export function lzw(bytes: Uint8Array): Buffer {
  const bits: string[] = [];
  let table = new Map<string, number>();
  let [next, width] = [258, 9];
  const put = (code: number): void => void bits.push(code.toString(2).padStart(width, '0'));
  const code = (text: string): number => (text.length === 1 ? text.charCodeAt(0) : (table.get(text) ?? 0));
  put(256);
  let text = '';
  for (const byte of bytes) {
    const longer = text + String.fromCharCode(byte);
    if (longer.length === 1 || table.has(longer)) {
      text = longer;
      continue;
    }
    put(code(text));
    table.set(longer, next);
    next += 1;
    if (next === 2 ** width) width += 1;
    if (next === 4095) {
      put(256);
      table = new Map();
      [next, width] = [258, 9];
    }
    text = String.fromCharCode(byte);
  }
  if (text.length > 0) {
    put(code(text));
    next += 1;
    if (next === 2 ** width) width += 1;
  }
  put(257);
  const all = bits.join('');
  return Buffer.from(
    all
      .padEnd(Math.ceil(all.length / 8) * 8, '0')
      .match(/.{8}/g)
      ?.map((byte) => Number.parseInt(byte, 2)) ?? [],
  );
}

/** A frame of blocks that are stored as they are (RFC 8878). */
function zstd(bytes: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) {
    const block = bytes.subarray(at, at + 65_536);
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | (at + 65_536 >= bytes.length ? 1 : 0), 0, 3);
    blocks.push(head, block);
  }
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  head[4] = 0xa0;
  head.writeUInt32LE(bytes.length, 5);
  return Buffer.concat([head, ...blocks]);
}

/** A stream for each chunk, with its tables; of RGB it says nothing, so that only the TIFF does. */
async function encodeWithSharp(picture: TiffPicture, { left, top, across, rows, plane }: Chunk): Promise<Buffer> {
  const data: number[] = [];
  const asStored = picture.colour === 'ycbcr' ? { ...picture, colour: 'rgb' as const } : picture;
  for (let y = top; y < top + rows; y += 1) {
    for (let x = left; x < left + across; x += 1) {
      const all = samplesAt(asStored, x, y);
      data.push(...plane.map((index) => all[index] ?? 0));
    }
  }
  const channels = plane.length as 1 | 3 | 4;
  const image = sharp(Buffer.from(data), { raw: { width: across, height: rows, channels } });
  if (picture.codec === 'webp') return image.webp({ lossless: true, exact: true, effort: 0 }).toBuffer();
  const grey = channels === 1 ? image.toColourspace('b-w') : image;
  return grey.jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
}
