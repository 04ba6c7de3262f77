import { deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../../../test/fixtures/images/index.js';
import { pngChunk } from '../../../test/fixtures/images/png-bits.js';
import { type TiffField, stripTiff } from '../../../test/support/hostile/tiff-writer.js';
import { ByteReader } from './byte-reader.js';
import { inspectImage } from './index.js';
import { Directory, Tiff } from './tiff/directory.js';
import { readPage } from './tiff/page.js';

const size = { width: 16, height: 12 };
const limits = { maxPixels: 1000 };
let png: Buffer;
let jpeg: Buffer;
let webp: Buffer;

beforeAll(async () => {
  png = await makeImage({ format: 'png', ...size });
  jpeg = await makeImage({ format: 'jpeg', ...size });
  webp = await makeImage({ format: 'webp', ...size });
});

const orientation = (bytes: Buffer): number | undefined => inspectImage(bytes, limits).orientation;

interface Tag {
  readonly id?: number;
  readonly type?: number;
  readonly count?: number;
  readonly big?: boolean;
}

/** EXIF of one tag, with the value in its entry. */
function exif(value: number, { id = 274, type = 3, count = 1, big = false }: Tag = {}): Buffer {
  const out = Buffer.alloc(26 + 8);
  const u16 = (number: number, at: number) => (big ? out.writeUInt16BE(number, at) : out.writeUInt16LE(number, at));
  const u32 = (number: number, at: number) => (big ? out.writeUInt32BE(number, at) : out.writeUInt32LE(number, at));
  out.write(big ? 'MM\0*' : 'II*\0', 0, 'latin1');
  u32(8, 4);
  u16(1, 8);
  u16(id, 10);
  u16(type, 12);
  u32(count, 14);
  if (type === 3) u16(value, 18);
  else u32(value, 18);
  return out;
}

const prefixed = (block: Buffer): Buffer => Buffer.concat([Buffer.from('Exif\0\0'), block]);
const xmp = (value: number): Buffer => Buffer.from(`<rdf:Description tiff:Orientation="${value}"/>`);

const afterHeader = (...chunks: Buffer[]): Buffer => Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);
const afterData = (...chunks: Buffer[]): Buffer => Buffer.concat([png.subarray(0, -12), ...chunks, png.subarray(-12)]);

/** As ImageMagick writes it. */
function rawProfile(block: Buffer, newline = '\n'): Buffer {
  const lines = block.toString('hex').match(/.{1,72}/g) ?? [];
  return Buffer.from(['', 'exif', String(block.length).padStart(8), ...lines, ''].join(newline));
}

const text = (keyword: string, body: Buffer): Buffer =>
  pngChunk('tEXt', Buffer.concat([Buffer.from(`${keyword}\0`), body]));
const packed = (keyword: string, body: Buffer): Buffer =>
  pngChunk('zTXt', Buffer.concat([Buffer.from(`${keyword}\0\0`), deflateSync(body)]));
const international = (keyword: string, body: Buffer, flag: 0 | 1): Buffer =>
  pngChunk(
    'iTXt',
    Buffer.concat([
      Buffer.from(`${keyword}\0${flag === 1 ? '\x01' : '\0'}\0en\0${keyword}\0`),
      flag === 1 ? deflateSync(body) : body,
    ]),
  );

const raw = 'Raw profile type exif';
const xmpKey = 'XML:com.adobe.xmp';

describe('the orientation of a PNG', () => {
  it('is 1 where nothing says otherwise', () => {
    expect(orientation(png)).toBe(1);
    expect(orientation(afterHeader(pngChunk('eXIf', exif(9))))).toBe(1);
    expect(orientation(afterHeader(pngChunk('eXIf', Buffer.from('hello'))))).toBe(1);
  });

  it('is that of its eXIf chunk, before or behind the data', () => {
    for (const value of [1, 2, 3, 4, 5, 6, 7, 8]) {
      expect(orientation(afterHeader(pngChunk('eXIf', exif(value, { big: value % 2 === 0 }))))).toBe(value);
    }
    expect(orientation(afterData(pngChunk('eXIf', exif(6))))).toBe(6);
    expect(orientation(afterHeader(pngChunk('eXIf', prefixed(exif(6)))))).toBe(6);
    expect(orientation(afterHeader(pngChunk('eXIf', exif(6)), pngChunk('eXIf', exif(3))))).toBe(3);
  });

  it('is a whole number of two or four bytes, or a fraction', () => {
    expect(orientation(afterHeader(pngChunk('eXIf', exif(6, { type: 4 }))))).toBe(6);
    expect(orientation(afterHeader(pngChunk('eXIf', exif(6, { type: 1 }))))).toBe(1);
    expect(orientation(afterHeader(pngChunk('eXIf', exif(6, { type: 2 }))))).toBe(1);
    const fraction = exif(26, { type: 5 });
    fraction.writeUInt32LE(6, 26);
    fraction.writeUInt32LE(1, 30);
    expect(orientation(afterHeader(pngChunk('eXIf', fraction)))).toBe(6);
    expect(orientation(afterHeader(pngChunk('eXIf', exif(6, { count: 9 }))))).toBe(1);
  });

  it("is that of ImageMagick's text, in every kind of text chunk", () => {
    expect(orientation(afterHeader(packed(raw, rawProfile(prefixed(exif(6))))))).toBe(6);
    expect(orientation(afterHeader(text(raw, rawProfile(exif(8), '\r\n'))))).toBe(8);
    expect(orientation(afterData(text(raw, Buffer.from(rawProfile(exif(7)).toString().toUpperCase()))))).toBe(7);
    for (const flag of [0, 1] as const) {
      expect(orientation(afterHeader(international(raw, rawProfile(exif(5)), flag)))).toBe(5);
    }
    expect(orientation(afterHeader(packed(raw, rawProfile(exif(6))), packed(raw, rawProfile(exif(3)))))).toBe(3);
    expect(orientation(afterHeader(packed(raw, rawProfile(exif(6))), pngChunk('eXIf', exif(3))))).toBe(3);
  });

  it('is not looked for in text that is damaged or longer than a megabyte', () => {
    expect(orientation(afterHeader(text(raw, Buffer.from('\nexif\n 4\nzzzz\n'))))).toBe(1);
    expect(orientation(afterHeader(pngChunk('zTXt', Buffer.from(`${raw}\0\0damage`))))).toBe(1);
    const long = Buffer.concat([exif(6), Buffer.alloc(1_000_000)]);
    expect(orientation(afterHeader(packed(raw, rawProfile(long))))).toBe(1);
    const bearable = Buffer.concat([exif(6), Buffer.alloc(300_000)]);
    expect(orientation(afterHeader(packed(raw, rawProfile(bearable))))).toBe(6);
    // Text that lacks its end is read as far as it goes.
    const whole = deflateSync(rawProfile(exif(6)));
    const cut = Buffer.concat([Buffer.from(`${raw}\0\0`), whole.subarray(0, -4)]);
    expect(orientation(afterHeader(pngChunk('zTXt', cut)))).toBe(6);
  });

  it('is that of its XMP where EXIF does not say', () => {
    for (const flag of [0, 1] as const) {
      expect(orientation(afterHeader(international(xmpKey, xmp(6), flag)))).toBe(6);
    }
    const element = Buffer.from('<tiff:Orientation>3</tiff:Orientation>');
    expect(orientation(afterData(international(xmpKey, element, 0)))).toBe(3);
    expect(orientation(afterHeader(international(xmpKey, xmp(6), 0), pngChunk('eXIf', exif(1))))).toBe(1);
    expect(orientation(afterHeader(international(xmpKey, xmp(6), 0), pngChunk('eXIf', exif(9, { id: 256 }))))).toBe(6);
  });
});

describe('the orientation of a TIFF', () => {
  const tiff = (more: TiffField[]): number => {
    const strips = [Buffer.alloc(12)];
    const bytes = stripTiff({ width: 2, height: 2, samples: 3, bits: 8, compression: 1, strips, more });
    const directory = new Directory(new Tiff(new ByteReader(bytes)), bytes.readUInt32LE(4));
    return readPage(directory, limits).orientation;
  };
  const packet: TiffField = { tag: 700, type: 1, values: [...xmp(6)] };

  it('is that of its tag, or of its XMP where it has none', () => {
    expect(tiff([])).toBe(1);
    expect(tiff([{ tag: 274, type: 3, values: [8] }, packet])).toBe(8);
    expect(tiff([{ tag: 274, type: 3, values: [1] }, packet])).toBe(1);
    expect(tiff([packet])).toBe(6);
    expect(tiff([{ ...packet, offset: 100_000 }])).toBe(1);
  });
});

describe('the orientation of other formats', () => {
  const segment = (body: Buffer): Buffer => Buffer.concat([Buffer.from([0xff, 0xe1, 0, body.length + 2]), body]);
  const withSegments = (...bodies: Buffer[]): Buffer =>
    Buffer.concat([jpeg.subarray(0, 2), ...bodies.map(segment), jpeg.subarray(2)]);
  const packet = (value: number): Buffer => Buffer.concat([Buffer.from('http://ns.adobe.com/xap/1.0/\0'), xmp(value)]);

  it('is that of EXIF or XMP in a JPEG', () => {
    expect(orientation(withSegments(prefixed(exif(6))))).toBe(6);
    expect(orientation(withSegments(exif(6)))).toBe(1);
    expect(orientation(withSegments(packet(8)))).toBe(8);
    expect(orientation(withSegments(packet(8), prefixed(exif(3))))).toBe(3);
    expect(orientation(withSegments(packet(8), prefixed(exif(3, { id: 256 }))))).toBe(8);
  });

  it('is that of EXIF or XMP in a WebP, where its header announces them', () => {
    const chunk = (name: string, body: Buffer): Buffer => {
      const head = Buffer.alloc(8);
      head.write(name, 0, 'latin1');
      head.writeUInt32LE(body.length, 4);
      return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
    };
    const extended = (flags: number, ...chunks: Buffer[]): Buffer => {
      const header = Buffer.from([flags, 0, 0, 0, size.width - 1, 0, 0, size.height - 1, 0, 0]);
      const body = Buffer.concat([chunk('VP8X', header), webp.subarray(12), ...chunks]);
      const head = Buffer.from(webp.subarray(0, 12));
      head.writeUInt32LE(4 + body.length, 4);
      return Buffer.concat([head, body]);
    };
    expect(orientation(extended(0x08, chunk('EXIF', exif(6))))).toBe(6);
    expect(orientation(extended(0x08, chunk('EXIF', prefixed(exif(6)))))).toBe(6);
    expect(orientation(extended(0x04, chunk('XMP ', xmp(3))))).toBe(3);
    expect(orientation(extended(0x0c, chunk('EXIF', exif(1)), chunk('XMP ', xmp(3))))).toBe(1);
    expect(orientation(extended(0, chunk('EXIF', exif(6)), chunk('XMP ', xmp(3))))).toBe(1);
  });
});
