import { ImageError } from '@quintet/images';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../../../../test/fixtures/images/index.js';
import { pngChunk } from '../../../../test/fixtures/images/png-bits.js';
import { configureSharp, createPreprocessor, type Preprocessor } from './index.js';

const spec = { resize: 256, crop: 224, interpolation: 'bilinear' } as const;
let preprocessor: Preprocessor;
let head: Buffer;
let data: Buffer;
let right: Uint8Array;
const end = pngChunk('IEND', Buffer.alloc(0));

beforeAll(async () => {
  configureSharp();
  preprocessor = createPreprocessor({ spec, maxPixels: 40_000_000, timeoutMs: 60_000 });
  const png = await makeImage({ format: 'png', width: 64, height: 48 });
  const at = png.indexOf('IDAT') - 4;
  head = png.subarray(0, at);
  data = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
  right = (await preprocessor.preprocess(png)).data;
});
afterAll(() => preprocessor.close());

const made = (...chunks: Buffer[]): Buffer => Buffer.concat([head, ...chunks]);
const wrong = (chunk: Buffer): Buffer => {
  const out = Buffer.from(chunk);
  out[out.length - 1] = (out.at(-1) ?? 0) ^ 1;
  return out;
};

async function outcome(bytes: Buffer): Promise<string> {
  try {
    const { data: crop } = await preprocessor.preprocess(bytes);
    return Buffer.compare(Buffer.from(crop), Buffer.from(right)) === 0 ? 'right' : 'other pixels';
  } catch (error) {
    if (error instanceof ImageError) return error.code;
    throw error;
  }
}

describe('a PNG that has all its pixels', () => {
  it('is read without its last chunk, and with anything in place of it', async () => {
    const idat = pngChunk('IDAT', data);
    for (const tail of [
      Buffer.alloc(0),
      end.subarray(0, 3),
      end.subarray(0, 9),
      Buffer.alloc(64),
      Buffer.from('\r\n'),
    ]) {
      expect(await outcome(made(idat, tail))).toBe('right');
    }
    expect(await outcome(made(idat.subarray(0, -2)))).toBe('right');
    const halves = [data.subarray(0, 100), data.subarray(100)].map((half) => pngChunk('IDAT', half));
    expect(await outcome(made(...halves))).toBe('right');
  });

  it('is read where only a checksum of its data is wrong, or one behind them', async () => {
    expect(await outcome(made(wrong(pngChunk('IDAT', data)), end))).toBe('right');
    const idat = pngChunk('IDAT', data);
    expect(await outcome(made(idat, wrong(pngChunk('tEXt', Buffer.from('a\0b'))), end))).toBe('right');
    expect(await outcome(made(idat, wrong(end)))).toBe('right');
  });
});

describe('a PNG that lacks pixels', () => {
  it('is truncated where nothing closes it, also between two chunks', async () => {
    expect(await outcome(made(pngChunk('IDAT', data.subarray(0, 100))))).toBe('image_truncated');
    expect(await outcome(made(pngChunk('IDAT', data).subarray(0, -20)))).toBe('image_truncated');
  });

  it('is undecodable where it is closed, where its data are damaged, or where another chunk parts them', async () => {
    expect(await outcome(made(pngChunk('IDAT', data.subarray(0, 100)), end))).toBe('image_undecodable');
    const damaged = Buffer.from(data);
    damaged.fill(0x55, 200, 260);
    expect(await outcome(made(wrong(pngChunk('IDAT', damaged)), end))).toBe('image_undecodable');
    const halves = [data.subarray(0, 100), data.subarray(100)].map((half) => pngChunk('IDAT', half));
    const [first = end, second = end] = halves;
    expect(await outcome(made(wrong(first), pngChunk('tEXt', Buffer.from('a\0b')), second, end))).toBe(
      'image_undecodable',
    );
  });
});
