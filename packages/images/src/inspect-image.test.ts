import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type BmpVariant,
  bmpVariants,
  emptyZip,
  foreignTrailers,
  heicSample,
  hostileFiles,
  makeImage,
  type MakeImageOptions,
} from '../../../test/fixtures/images/index.js';
import { dense } from '../../../test/support/hostile/dense.js';
import { codeUnder } from './code-under.test-support.js';
import { ByteReader, ImageError, imageFormats, inspectImage, mediaTypes, readFirstFrame } from './index.js';

const limits = { maxPixels: 40_000_000 };

const codeOf = (bytes: Buffer): string => codeUnder(bytes, limits);

const size = { width: 64, height: 48 };
const recipes: Record<string, MakeImageOptions> = {
  'jpeg baseline': { format: 'jpeg', ...size },
  'jpeg progressive': { format: 'jpeg', progressive: true, ...size },
  'jpeg grey': { format: 'jpeg', colour: 'grey', ...size },
  'jpeg cmyk': { format: 'jpeg', colour: 'cmyk', ...size },
  'jpeg rotated': { format: 'jpeg', orientation: 6, ...size },
  png: { format: 'png', ...size },
  'png palette': { format: 'png', colour: 'palette', ...size },
  'png 16 bit': { format: 'png', colour: 'rgb16', ...size },
  'png interlaced': { format: 'png', progressive: true, ...size },
  'webp lossy': { format: 'webp', ...size },
  'webp lossless': { format: 'webp', lossless: true, ...size },
  'webp alpha': { format: 'webp', colour: 'alpha', ...size },
  'webp animated': { format: 'webp', frames: 3, ...size },
  avif: { format: 'avif', ...size },
  gif: { format: 'gif', ...size },
  'gif animated': { format: 'gif', frames: 3, ...size },
  tiff: { format: 'tiff', ...size },
  heic: { format: 'heic', ...size },
};
const samples = new Map<string, Buffer>();

beforeAll(async () => {
  for (const [name, recipe] of Object.entries(recipes)) samples.set(name, await makeImage(recipe));
  for (const bmp of bmpVariants) samples.set(`bmp ${bmp}`, await makeImage({ format: 'bmp', bmp, ...size }));
});

const names = [...Object.keys(recipes), ...bmpVariants.map((bmp: BmpVariant) => `bmp ${bmp}`)];

function sample(name: string): Buffer {
  const bytes = samples.get(name);
  if (bytes === undefined) throw new Error(`no sample ${name}`);
  return bytes;
}

/** How many bytes of a sample hold all pixels of its first frame: what other readers show, too. */
function neededBytes(name: string, bytes: Buffer): number {
  // The checksum of the data, then the IEND chunk.
  if (name.startsWith('png')) return bytes.length - 4 - 12;
  // The end of the last row, then that of the bitmap.
  if (name.startsWith('bmp rle')) return bytes.length - 2 - 2;
  if (!name.startsWith('gif')) return bytes.length;
  let at = readFirstFrame(new ByteReader(bytes)).dataAt + 1;
  while ((bytes[at] ?? 0) > 0) at += 1 + (bytes[at] ?? 0);
  return at;
}

describe('inspectImage', () => {
  it.each(names)('knows the format and size of %s', (name) => {
    const info = inspectImage(sample(name), limits);
    // x265 codes no fewer than 64 rows; a `clap` property crops them when the picture is decoded.
    const height = name === 'heic' ? 64 : size.height;
    expect(info).toMatchObject({ width: 64, height, frames: name.endsWith('animated') ? 3 : 1 });
    expect(info.format).toBe(imageFormats.find((format) => name.startsWith(format)));
    expect(info.mediaType).toBe(mediaTypes[info.format]);
  });

  it.each(names)('finds every truncation of %s that costs pixels', (name) => {
    const bytes = sample(name);
    const needed = neededBytes(name, bytes);
    // Every length for small files, a fixed comb and both ends for larger ones.
    const step = Math.max(1, Math.floor(bytes.length / 3000));
    for (let length = 0; length < needed; length += length > needed - 200 ? 1 : step) {
      const code = codeOf(bytes.subarray(0, length));
      // Between two blocks of a GIF's data nothing says that there are more to come: its decoder finds that.
      if (name.startsWith('gif') && code === 'accepted') continue;
      expect({ length, code }).not.toMatchObject({ code: 'accepted' });
    }
    for (let length = needed; length < bytes.length; length += 1) {
      expect({ length, code: codeOf(bytes.subarray(0, length)) }).toEqual({ length, code: 'accepted' });
    }
    expect(codeOf(bytes.subarray(0, needed - 1))).toBe('image_truncated');
    expect(codeOf(bytes.subarray(0, Math.floor(needed * 0.7)))).toBe('image_truncated');
  });

  it('gives each hostile file its code', async () => {
    for (const { name, bytes, code } of await hostileFiles()) {
      expect({ name, code: codeOf(bytes) }).toEqual({ name, code });
    }
  });

  it('names what an unsupported file looks like', () => {
    const detail = (text: string): string => {
      try {
        inspectImage(Buffer.from(text, 'latin1'), limits);
        return '';
      } catch (error) {
        return error instanceof ImageError ? error.detail : '';
      }
    };
    expect(detail('<svg xmlns="http://www.w3.org/2000/svg"/>')).toContain('SVG');
    expect(detail('%PDF-1.4')).toContain('PDF');
    expect(detail('hello there')).toContain('text');
    expect(detail('\0\0\0\x1cftypisom\0\0\0\0isommp42avc1')).toContain('video');
  });

  it('honours the pixel limit exactly', () => {
    expect(inspectImage(sample('png'), { maxPixels: 64 * 48 }).width).toBe(64);
    expect(() => inspectImage(sample('png'), { maxPixels: 64 * 48 - 1 })).toThrow(ImageError);
  });

  it('reads a HEIC as coded, whatever crop and rotation its decoder will apply', () => {
    expect(inspectImage(heicSample('turned'), limits)).toMatchObject({ format: 'heic', width: 64, height: 64 });
  });
});

describe('what stands behind an image', () => {
  const box = (type: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(8 + body.length, 0);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, body]);
  };

  it('may be what phones append', () => {
    const jpeg = sample('jpeg baseline');
    const movie = Buffer.concat([
      box('ftyp', Buffer.from('mp42\0\0\0\0mp42', 'latin1')),
      box('mdat', Buffer.from('PK\x03\x04 is noise inside a movie <?php', 'latin1')),
      box('moov', Buffer.alloc(64)),
    ]);
    const seft = Buffer.from('SEFH\x6b\0\0\0\0\0\0\0\x0c\0\0\0SEFT', 'latin1');
    const samsung = Buffer.concat([Buffer.from('\0\0\x01\x0aImage_UTC_Data1600000000000', 'latin1'), seft]);
    const accepted = {
      'zero padding': Buffer.alloc(10_000),
      'second jpeg (gain map, MPF)': sample('jpeg progressive'),
      'padded second jpeg': Buffer.concat([Buffer.alloc(100), jpeg]),
      'motion photo': movie,
      'gain map and motion photo': Buffer.concat([jpeg, movie]),
      'samsung trailer': samsung,
      'unknown bytes': Buffer.from('MZ nothing that any program reads PK'),
    };
    for (const [name, trailer] of Object.entries(accepted)) {
      expect({ name, code: codeOf(Buffer.concat([jpeg, trailer])) }).toEqual({ name, code: 'accepted' });
    }
  });

  it.each(names)('makes %s a polyglot if another program would read it', (name) => {
    for (const [kind, trailer] of Object.entries(foreignTrailers)) {
      const bytes = Buffer.concat([sample(name), trailer]);
      expect({ kind, code: codeOf(bytes) }).toEqual({ kind, code: 'image_polyglot' });
    }
    const hidden = Buffer.concat([sample(name), Buffer.alloc(5000), sample('jpeg baseline'), emptyZip]);
    expect(codeOf(hidden)).toBe('image_polyglot');
  });

  it('finds an archive inside the structure itself, and a PDF in the first bytes', () => {
    const jpeg = sample('jpeg baseline');
    const comment = (text: Buffer): Buffer =>
      Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xfe, 0, text.length + 2]), text, jpeg.subarray(2)]);
    expect(codeOf(comment(Buffer.from('%PDF-1.5 hello')))).toBe('image_polyglot');
    expect(codeOf(comment(Buffer.from('made by hand')))).toBe('accepted');
    const zip = Buffer.from(emptyZip);
    zip.writeUInt16LE(2, 20);
    const insideScan = Buffer.concat([jpeg.subarray(0, -2), Buffer.from([0xff, 0xfe, 0, 24]), zip, jpeg.subarray(-2)]);
    expect(codeOf(insideScan)).toBe('image_polyglot');
  });
});

describe('any bytes at all', () => {
  it('never throw anything but an ImageError', () => {
    const heads = [
      '\xff\xd8\xff',
      '\x89PNG\r\n\x1a\n',
      'GIF89a',
      'II*\0',
      'MM\0*',
      'II+\0',
      'BM',
      '\0\0\0\x18ftypavif',
      '',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 600 }), (head, tail) => {
        codeOf(Buffer.concat([Buffer.from(head, 'latin1'), tail]));
      }),
      { numRuns: 2000 },
    );
  });

  it('never throw anything else when a valid file is damaged', () => {
    const edit = fc.record({
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
      value: fc.constantFrom(0, 1, 127, 128, 255, 42),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(edit, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (name, edits, early) => {
          const bytes = Buffer.from(sample(name));
          const reach = early ? Math.min(200, bytes.length) : bytes.length;
          for (const { at, value } of edits) bytes[Math.floor(at * reach)] = value;
          codeOf(bytes);
        },
      ),
      { numRuns: 3000 },
    );
  });

  // Every byte of a JPEG's scan is looked at: 20 ms for 20 MB, whatever they are. Only what is behind a marker is a part.
  const scans = ['jpeg-fill-bytes', 'jpeg-stuffed-zeros', 'jpeg-restart-markers'];
  it.each(Object.keys(dense).filter((name) => !scans.includes(name)))(
    'are followed only so far in %s',
    async (name) => {
      expect(codeOf(Buffer.from((await dense[name]?.()) ?? ''))).toBe('image_too_complex');
    },
  );
  it.each(scans)('are read once in %s', async (name) => {
    expect(codeOf(Buffer.from((await dense[name]?.()) ?? ''))).toBe('accepted');
  });

  it('may have as many parts as the longest GIF of its size', () => {
    const gif = sample('gif');
    const blocks = Buffer.alloc(20_000_000 - (20_000_000 % 256), Buffer.alloc(256, 255));
    const bytes = Buffer.concat([gif.subarray(0, -1), Buffer.from('\x21\xfe', 'latin1'), blocks, Buffer.from('\0;')]);
    expect(codeOf(bytes)).toBe('accepted');
  });
});
