/** Old-style JPEG in the forms that scanners and fax programs have written, from a JPEG whose pixels are known. */
import { ImageError } from '@quintet/images';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { testCard } from '../../../../../test/fixtures/images/index.js';
import { writeTiff, type TiffField } from '../../../../../test/support/hostile/tiff-writer.js';
import { cropTiff } from './crop-tiff.js';
import { readHeader } from './jpeg.js';

const side = 48;
let jpeg: Buffer;
let pixels: Buffer;

beforeAll(async () => {
  const { data } = testCard(side, side);
  jpeg = await sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ quality: 90, chromaSubsampling: '4:2:0', optimiseCoding: false })
    .toBuffer();
  pixels = await sharp(jpeg).raw().toBuffer();
});

interface Form {
  readonly data: Uint8Array;
  readonly strips: readonly (readonly [at: number, length: number])[];
  readonly rowsPerStrip?: number;
  readonly fields: readonly TiffField[];
}

/** `at` in a form: from the beginning of its data. */
function tiff({ data, strips, rowsPerStrip = side, fields }: Form): Buffer {
  const long = (tag: number, ...values: number[]): TiffField => ({ tag, type: 4, values });
  const all = [
    long(256, side),
    long(257, side),
    { tag: 258, type: 3, values: [8, 8, 8] },
    long(259, 6),
    long(262, 6),
    ...(strips.length === 0 ? [] : [long(273, ...strips.map(([at]) => at + 8))]),
    long(277, 3),
    long(278, rowsPerStrip),
    ...(strips.length === 0 ? [] : [long(279, ...strips.map(([, length]) => length))]),
    { tag: 530, type: 3, values: [2, 2] },
    ...fields,
  ];
  return writeTiff({ fields: all.sort((a, b) => a.tag - b.tag), data });
}

async function decode(form: Form): Promise<Uint8Array> {
  const limits = { maxPixels: 10_000, timeoutMs: 60_000 };
  return (await cropTiff(tiff(form), { resize: side, crop: side, interpolation: 'bilinear' }, limits)).data;
}

function scanAt(): { at: number; data: number } {
  const { scan } = readHeader(jpeg);
  if (scan === undefined) throw new Error('no scan');
  return { at: scan, data: scan + 2 + jpeg.readUInt16BE(scan + 2) };
}

const at = (offset: number): TiffField => ({ tag: 513, type: 4, values: [offset + 8] });
const size = (length: number): TiffField => ({ tag: 514, type: 4, values: [length] });

describe('old-style JPEG in a TIFF', () => {
  it('is read as one stream, with or without strips in it', async () => {
    const { data } = scanAt();
    const length = jpeg.length;
    const inside = [data, length - data] as const;
    for (const fields of [[at(0), size(length)], [at(0)], [at(0), size(data)]]) {
      for (const strips of [[inside], [[0, length] as const]]) {
        expect(Buffer.from(await decode({ data: jpeg, strips, fields })).equals(pixels)).toBe(true);
      }
    }
    expect(Buffer.from(await decode({ data: jpeg, strips: [], fields: [at(0), size(length)] })).equals(pixels)).toBe(
      true,
    );
    expect(Buffer.from(await decode({ data: jpeg, strips: [[0, length]], fields: [] })).equals(pixels)).toBe(true);
  });

  it('is read as a header and data apart', async () => {
    const { data } = scanAt();
    const apart = Buffer.concat([jpeg.subarray(data), Buffer.alloc(5), jpeg.subarray(0, data)]);
    const strips = [[0, jpeg.length - data]] as const;
    const fields = [at(jpeg.length - data + 5), size(data)];
    expect(Buffer.from(await decode({ data: apart, strips, fields })).equals(pixels)).toBe(true);
  });

  it('is read as tables and bare data', async () => {
    const tables = new Map<string, Buffer>();
    for (const { marker, bytes } of readHeader(jpeg).segments) {
      // A segment may have several tables, each behind a byte of class and number.
      for (let from = 4; from < bytes.length;) {
        const length = marker === 0xdb ? 64 : 16 + bytes.subarray(from + 1, from + 17).reduce((sum, n) => sum + n, 0);
        if (marker !== 0xdb && marker !== 0xc4) break;
        tables.set(
          `${marker === 0xdb ? 'q' : 'h'}${bytes[from] ?? 0}`,
          Buffer.from(bytes.subarray(from + 1, from + 1 + length)),
        );
        from += 1 + length;
      }
    }
    const { data } = scanAt();
    const bare = jpeg.subarray(data, jpeg.length - 2);
    const parts = [bare];
    const offsetOf = (name: string): number => {
      const offset = parts.reduce((sum, part) => sum + part.length, 0);
      parts.push(tables.get(name) ?? Buffer.alloc(0));
      return offset + 8;
    };
    const triple = (tag: number, first: string, others: string): TiffField => {
      const [one, two] = [offsetOf(first), offsetOf(others)];
      return { tag, type: 4, values: [one, two, two] };
    };
    const fields = [triple(519, 'q0', 'q1'), triple(520, 'h0', 'h1'), triple(521, 'h16', 'h17')];
    const found = await decode({ data: Buffer.concat(parts), strips: [[0, bare.length]], fields });
    expect(Buffer.from(found).equals(pixels)).toBe(true);
  });

  it('is refused where it is cut, or of a kind that is not decoded', async () => {
    const cut = jpeg.subarray(0, Math.floor(jpeg.length * 0.6));
    const forms: Form[] = [
      { data: cut, strips: [], fields: [at(0), size(cut.length)] },
      { data: Buffer.alloc(500), strips: [[0, 500]], fields: [at(0), size(500)] },
      { data: Buffer.alloc(500), strips: [[0, 500]], fields: [] },
      { data: jpeg, strips: [], fields: [at(0), size(jpeg.length), { tag: 512, type: 3, values: [14] }] },
      { data: jpeg, strips: [], fields: [at(9_000_000)] },
    ];
    for (const form of forms) await expect(decode(form)).rejects.toBeInstanceOf(ImageError);
  });

  it('of 12 bits is refused by its name', async () => {
    const deep = Buffer.from(jpeg);
    const frame = deep.indexOf(Buffer.from([0xff, 0xc0]));
    deep[frame + 4] = 12;
    await expect(decode({ data: deep, strips: [], fields: [at(0)] })).rejects.toThrow('12-bit JPEG');
  });
});
