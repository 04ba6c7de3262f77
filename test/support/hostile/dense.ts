/**
 * Files as large as an upload may be, full of the smallest parts that their format has: each part costs whoever follows the
 * structure a step, and millions of them fit.
 */
import { makeImage } from '../../fixtures/images/index.js';
import type { Makers } from './bombs.js';
import { box } from './heif-grid.js';
import { stripTiff } from './tiff-writer.js';

/** Just below the default of MAX_UPLOAD_BYTES. */
const size = 20_000_000;

/** `piece` again and again, up to about the size of an upload. */
function many(piece: string | Buffer, bytes = size): Buffer {
  const one = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
  return Buffer.alloc(Math.floor(bytes / one.length) * one.length, one);
}

const u16 = (...values: readonly number[]): Buffer => Buffer.from(values.flatMap((v) => [(v >> 8) & 255, v & 255]));
const u32 = (value: number): Buffer =>
  Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);

const picture = (format: 'jpeg' | 'png' | 'gif' | 'webp' | 'avif'): Promise<Buffer> =>
  makeImage({ format, width: 64, height: 48 });

/** Stands between the header of a JPEG and its end. */
const inJpeg = (piece: string) => async (): Promise<Buffer> => {
  const jpeg = await picture('jpeg');
  return Buffer.concat([jpeg.subarray(0, -2), many(piece), jpeg.subarray(-2)]);
};

const inGif =
  (open: string, piece: string | Buffer, close = '') =>
  async (): Promise<Buffer> => {
    const gif = await picture('gif');
    return Buffer.concat([
      gif.subarray(0, -1),
      Buffer.from(open, 'latin1'),
      many(piece),
      Buffer.from(`${close};`, 'latin1'),
    ]);
  };

const inPng = (type: string) => async (): Promise<Buffer> => {
  const png = await picture('png');
  return Buffer.concat([png.subarray(0, 33), many(`\0\0\0\0${type}\0\0\0\0`), png.subarray(33)]);
};

const inWebp = (piece: Buffer) => async (): Promise<Buffer> => {
  const webp = Buffer.concat([await picture('webp'), many(piece)]);
  webp.writeUInt32LE(webp.length - 8, 4);
  return webp;
};

const free = '\0\0\0\x08free';

async function ftyp(): Promise<Buffer> {
  const avif = await picture('avif');
  return avif.subarray(0, avif.readUInt32BE(0));
}

const inMeta =
  (...children: readonly Buffer[]) =>
  async (): Promise<Buffer> =>
    Buffer.concat([await ftyp(), box('meta', u32(0), ...children)]);

const infe = (id: number): Buffer => box('infe', u32(2 << 24), u16(id, 0), Buffer.from('av01\0', 'latin1'));

/** A million times the same item, whose sequence header lists as many operating points as it can. */
async function sequenceHeaders(): Promise<Buffer> {
  const header = Buffer.concat([Buffer.from([0x0a, 0x80, 0x10, 0x01]), Buffer.alloc(2047, 7)]);
  const items = Math.floor(size / 18);
  const build = async (at: number): Promise<Buffer> => {
    const item = Buffer.concat([u32(0), u16(0, 0, 1), u32(at), u32(header.length)]);
    const iloc = box('iloc', u32(2 << 24), u16(0x4400), u32(items), many(item, items * item.length));
    return inMeta(box('iinf', u32(0), u16(1), infe(0)), iloc)();
  };
  const { length } = await build(0);
  return Buffer.concat([await build(length), header]);
}

export const dense: Makers = {
  'jpeg-fill-bytes': inJpeg('\xff'),
  'jpeg-stuffed-zeros': inJpeg('\xff\0'),
  'jpeg-restart-markers': inJpeg('\xff\xd0'),
  'jpeg-lone-markers': inJpeg('\xff\x01'),
  'jpeg-empty-comments': inJpeg('\xff\xfe\0\x02'),
  'jpeg-movie-of-free-boxes': async () => Buffer.concat([await picture('jpeg'), await ftyp(), many(free)]),
  'jpeg-64-jpegs-of-comments': async () => {
    const jpeg = await picture('jpeg');
    const one = Buffer.concat([jpeg.subarray(0, 2), many('\xff\xfe\0\x02', 250_000), jpeg.subarray(2)]);
    return Buffer.concat([jpeg, many(one)]);
  },
  'png-empty-chunks': inPng('aaAa'),
  'png-empty-texts': inPng('tEXt'),
  'gif-empty-extensions': inGif('', '\x21\xf9\0'),
  'gif-blocks-of-a-byte': inGif('\x21\xfe', '\x01A', '\0'),
  'gif-empty-frames': inGif('', Buffer.from('2c0000000001000100000200', 'hex')),
  'webp-empty-chunks': inWebp(Buffer.from('AAAA\0\0\0\0', 'latin1')),
  'webp-empty-frames': inWebp(Buffer.concat([Buffer.from('ANMF\x10\0\0\0', 'latin1'), Buffer.alloc(16)])),
  'avif-free-boxes': async () => {
    const [head, avif] = [await ftyp(), await picture('avif')];
    return Buffer.concat([head, many(free), avif.subarray(head.length)]);
  },
  'avif-free-boxes-behind': async () => Buffer.concat([await picture('avif'), many(free)]),
  'avif-free-boxes-in-meta': inMeta(many(free)),
  'avif-free-boxes-among-items': inMeta(box('iinf', u32(0), u16(1), many(free))),
  'avif-free-boxes-among-properties': inMeta(box('iprp', box('ipco', many(free)))),
  'avif-empty-property-boxes': inMeta(many('\0\0\0\x08iprp')),
  'avif-one-item-a-million-times': inMeta(box('iinf', u32(0), u16(1), many(infe(1)))),
  'avif-items-without-properties': inMeta(box('iprp', box('ipma', u32(0), u32(size / 3), many('\0\0\0')))),
  'avif-locations-without-extents': inMeta(box('iloc', u32(2 << 24), u16(0), u32(size / 10), Buffer.alloc(size))),
  'avif-extents': inMeta(
    box('iloc', u32(0), u16(0x0200, 150), many(Buffer.concat([u16(1, 0, 65_535), Buffer.alloc(131_070)]))),
  ),
  'avif-sequence-headers': sequenceHeaders,
  'avif-brands': () => box('ftyp', Buffer.from('isom\0\0\0\0', 'latin1'), many('abcd')),
  'tiff-strips': () =>
    stripTiff({
      width: 8,
      height: 262_144,
      samples: 1,
      bits: 8,
      compression: 1,
      rowsPerStrip: 1,
      strips: Array.from({ length: 262_144 }, () => Buffer.alloc(1)),
    }),
};
