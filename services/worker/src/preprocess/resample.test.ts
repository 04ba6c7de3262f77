import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { noise } from '../../../../test/fixtures/images/index.js';
import { resampleKernel } from './resample-kernel.js';
import { type Axis, resampleWindow, sourceSpan } from './resample.js';

function whole(source: number, target: number): Axis {
  return { source, target, start: 0, length: target };
}

function resampleAll(data: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Uint8Array {
  return resampleWindow({ data, left: 0, top: 0, width, height }, whole(width, toWidth), whole(height, toHeight));
}

/** Pillow's ImagingResample in as few lines as possible: what the kernel must equal. */
function plainly(data: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Uint8Array {
  const along = (from: number, to: number, read: (x: number) => number): number[] => {
    const support = Math.max(1, from / to);
    return Array.from({ length: to }, (_value, i) => {
      const center = ((i + 0.5) * from) / to;
      const first = Math.max(0, Math.trunc(center - support + 0.5));
      const end = Math.min(from, Math.trunc(center + support + 0.5));
      const taps = Array.from({ length: end - first }, (_tap, k) => first + k);
      const weights = taps.map((x) => Math.max(0, 1 - Math.abs((x - center + 0.5) / support)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const sum = taps.reduce(
        (all, x, k) => all + read(x) * Math.trunc(0.5 + ((weights[k] ?? 0) / total) * 2 ** 22),
        0,
      );
      return Math.min(255, Math.floor((sum + 2 ** 21) / 2 ** 22));
    });
  };
  const out = new Uint8Array(toWidth * toHeight * 3);
  for (let channel = 0; channel < 3; channel += 1) {
    const rows = Array.from({ length: height }, (_value, y) =>
      along(width, toWidth, (x) => data[(y * width + x) * 3 + channel] ?? 0),
    );
    for (let x = 0; x < toWidth; x += 1) {
      along(height, toHeight, (y) => rows[y]?.[x] ?? 0).forEach((value, y) => {
        out[(y * toWidth + x) * 3 + channel] = value;
      });
    }
  }
  return out;
}

/** One row of grey pixels as RGB. */
function row(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value, value, value]));
}

function greys(rgb: Uint8Array): number[] {
  return [...rgb].filter((_value, i) => i % 3 === 0);
}

describe('resampleWindow', () => {
  it('gives the numbers that Pillow gives', () => {
    // Image.fromarray(np.uint8([[0, 100, 255]])).resize((n, 1), Image.BILINEAR), Pillow 13.0.0
    expect(greys(resampleAll(row(0, 100, 255), 3, 1, 7, 1))).toEqual([0, 14, 57, 100, 166, 233, 255]);
    expect(greys(resampleAll(row(0, 100, 255), 3, 1, 2, 1))).toEqual([38, 197]);
    expect(greys(resampleAll(row(0, 100, 255), 3, 1, 1, 1))).toEqual([116]);
    expect(greys(resampleAll(row(10, 20, 30, 40, 250), 5, 1, 3, 1))).toEqual([14, 30, 160]);
  });

  it('returns the picture itself at its own size', () => {
    const { data } = noise(13, 9);
    expect(resampleAll(data, 13, 9, 13, 9)).toEqual(data);
  });

  it('keeps a flat picture flat and never leaves the range of the source', () => {
    const side = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(side, side, side, side, fc.integer({ min: 0, max: 255 }), (w, h, toW, toH, tone) => {
        const flat = resampleAll(new Uint8Array(w * h * 3).fill(tone), w, h, toW, toH);
        expect(flat.every((value) => value === tone)).toBe(true);
      }),
    );
  });

  it('gives what plain arithmetic gives, for any size', () => {
    const side = fc.integer({ min: 1, max: 70 });
    const extremes = fc.constantFrom(0, 255);
    fc.assert(
      fc.property(side, side, side, side, fc.integer(), extremes, (width, height, toWidth, toHeight, seed, extreme) => {
        // Large runs of 0 and 255 reach the ends of every range; noise alone stays in the middle.
        const data = noise(width, height, seed).data.map((value, i) => ((i >> 5) % 3 === 0 ? extreme : value));
        expect(resampleAll(data, width, height, toWidth, toHeight)).toEqual(
          plainly(data, width, height, toWidth, toHeight),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same in pieces as at once: a source larger than what the kernel holds', () => {
    const [width, height] = [1500, 400];
    const { data } = noise(width, height);
    expect(resampleAll(data, width, height, 33, 44)).toEqual(plainly(data, width, height, 33, 44));
  });

  it('refuses a source that does not cover the window, rather than showing what was in memory before', () => {
    const source = { data: new Uint8Array(30 * 30 * 3), left: 0, top: 0, width: 30, height: 30 };
    expect(() => resampleWindow(source, whole(30, 10), whole(31, 10))).toThrow(RangeError);
    expect(() => resampleWindow({ ...source, left: 1 }, whole(30, 10), whole(30, 10))).toThrow(RangeError);
    expect(() => resampleWindow({ ...source, height: 31 }, whole(30, 10), whole(31, 10))).toThrow(RangeError);
  });

  it('computes a window exactly as it would the whole, from the window of the source alone', () => {
    const window = fc.record({
      source: fc.integer({ min: 1, max: 40 }),
      target: fc.integer({ min: 1, max: 60 }),
      at: fc.double({ min: 0, max: 0.99, noNaN: true }),
      part: fc.double({ min: 0.01, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(window, window, fc.integer(), (x, y, seed) => {
        const axis = ({ source, target, at, part }: typeof x): Axis => {
          const start = Math.floor(at * target);
          return { source, target, start, length: Math.max(1, Math.floor(part * (target - start))) };
        };
        const across = axis(x);
        const down = axis(y);
        const { data } = noise(x.source, y.source, seed);
        const all = resampleAll(data, x.source, y.source, x.target, y.target);
        const columns = sourceSpan(across);
        const rows = sourceSpan(down);
        const width = columns.end - columns.first;
        const height = rows.end - rows.first;
        const cut = new Uint8Array(width * height * 3);
        for (let line = 0; line < height; line += 1) {
          const from = ((rows.first + line) * x.source + columns.first) * 3;
          cut.set(data.subarray(from, from + width * 3), line * width * 3);
        }
        const source = { data: cut, left: columns.first, top: rows.first, width, height };
        const got = resampleWindow(source, across, down);
        for (let line = 0; line < down.length; line += 1) {
          const from = ((down.start + line) * x.target + across.start) * 3;
          const expected = all.subarray(from, from + across.length * 3);
          expect(got.subarray(line * across.length * 3, (line + 1) * across.length * 3)).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('takes no more of the source than the window needs, however far the picture is enlarged', () => {
    const span = sourceSpan({ source: 5000, target: 1_280_000, start: 639_888, length: 224 });
    expect(span.end - span.first).toBeLessThanOrEqual(4);
  });
});

describe('the kernel', () => {
  it('is what its source compiles to', async () => {
    const source = readFileSync(new URL('../../kernel/resample.wat', import.meta.url), 'utf8');
    const compiler = await wabt();
    const compiled = compiler.parseWat('resample.wat', source, { simd: true }).toBinary({}).buffer;
    expect(Buffer.from(resampleKernel, 'base64').equals(compiled)).toBe(true);
  });
});
