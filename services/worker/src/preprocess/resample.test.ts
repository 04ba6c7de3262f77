import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { noise } from '../../../../test/fixtures/images/index.js';
import { resampleKernel } from './resample-kernel.js';
import { type Axis, type Interpolation, resampleWindow, sourceSpan } from './resample.js';

const filters: readonly Interpolation[] = ['bilinear', 'bicubic'];

type Plane = readonly (readonly number[])[];
type Sides = readonly [width: number, height: number, toWidth: number, toHeight: number];

function whole(interpolation: Interpolation, source: number, target: number): Axis {
  return { interpolation, source, target, start: 0, length: target };
}

function resampleAll(filter: Interpolation, data: Uint8Array, [width, height, toWidth, toHeight]: Sides): Uint8Array {
  const source = { data, left: 0, top: 0, width, height };
  return resampleWindow(source, whole(filter, width, toWidth), whole(filter, height, toHeight));
}

function filterAt(filter: Interpolation, distance: number): number {
  const [x, a] = [Math.abs(distance), -0.5];
  if (filter === 'bilinear') return Math.max(0, 1 - x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** The whole numbers, of 2^22, by which Pillow multiplies the source pixels of one output pixel; `first` is the first of these. */
function pillowWeights(
  filter: Interpolation,
  from: number,
  to: number,
  i: number,
): { first: number; weights: number[] } {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const support = (filter === 'bilinear' ? 1 : 2) * stretch;
  const center = (i + 0.5) * scale;
  const first = Math.max(0, Math.trunc(center - support + 0.5));
  const end = Math.min(from, Math.trunc(center + support + 0.5));
  const exact = Array.from({ length: end - first }, (_tap, k) =>
    filterAt(filter, (first + k - center + 0.5) * (1 / stretch)),
  );
  const total = exact.reduce((sum, weight) => sum + weight, 0);
  const weights = exact.map((weight) => {
    const share = (weight / total) * 2 ** 22;
    return share < 0 ? Math.ceil(share - 0.5) : Math.floor(share + 0.5);
  });
  return { first, weights };
}

/** Pillow's ImagingResample in as few lines as possible: what the kernel must equal. */
function plainly(filter: Interpolation, data: Uint8Array, sides: Sides): Uint8Array {
  const [width, height, toWidth, toHeight] = sides;
  const along = (plane: Plane, from: number, to: number): Plane => {
    const all = Array.from({ length: to }, (_value, i) => pillowWeights(filter, from, to, i));
    return plane.map((line) =>
      all.map(({ first, weights }) => {
        const sum = weights.reduce((partial, weight, k) => partial + (line[first + k] ?? 0) * weight, 0);
        return Math.min(255, Math.max(0, Math.floor((sum + 2 ** 21) / 2 ** 22)));
      }),
    );
  };
  const turned = (plane: Plane): Plane => (plane[0] ?? []).map((_value, x) => plane.map((line) => line[x] ?? 0));
  const across = (plane: Plane): Plane => along(plane, width, toWidth);
  const down = (plane: Plane): Plane => turned(along(turned(plane), height, toHeight));
  const columnsFirst = toHeight < height && height - toHeight > 2 * (width - toWidth);
  const out = new Uint8Array(toWidth * toHeight * 3);
  for (let channel = 0; channel < 3; channel += 1) {
    const plane = Array.from({ length: height }, (_line, y) =>
      Array.from({ length: width }, (_value, x) => data[(y * width + x) * 3 + channel] ?? 0),
    );
    const result = columnsFirst ? across(down(plane)) : down(across(plane));
    for (const [i, value] of result.flat().entries()) out[i * 3 + channel] = value;
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

/** Noise stays in the middle; among it, what reaches the ends of every range, and beyond them where weights are negative. */
function contrasts(width: number, height: number, seed: number, extreme: number): Uint8Array {
  return noise(width, height, seed).data.map((value, i) => {
    const kind = (i >> 5) % 4;
    if (kind === 0) return extreme;
    return kind === 1 ? (value > 127 ? 255 : 0) : value;
  });
}

describe('what Pillow gives', () => {
  // Image.fromarray(np.uint8([[0, 100, 255]])).resize((n, 1), Image.BILINEAR or BICUBIC), Pillow 13.0.0
  it('for bilinear', () => {
    expect(greys(resampleAll('bilinear', row(0, 100, 255), [3, 1, 7, 1]))).toEqual([0, 14, 57, 100, 166, 233, 255]);
    expect(greys(resampleAll('bilinear', row(0, 100, 255), [3, 1, 2, 1]))).toEqual([38, 197]);
    expect(greys(resampleAll('bilinear', row(0, 100, 255), [3, 1, 1, 1]))).toEqual([116]);
    expect(greys(resampleAll('bilinear', row(10, 20, 30, 40, 250), [5, 1, 3, 1]))).toEqual([14, 30, 160]);
  });

  it('for bicubic, where weights are negative and sums leave 0 to 255', () => {
    expect(greys(resampleAll('bicubic', row(0, 100, 255), [3, 1, 7, 1]))).toEqual([0, 8, 46, 100, 175, 241, 255]);
    expect(greys(resampleAll('bicubic', row(0, 100, 255), [3, 1, 2, 1]))).toEqual([29, 205]);
    expect(greys(resampleAll('bicubic', row(0, 100, 255), [3, 1, 1, 1]))).toEqual([117]);
    const edges = row(0, 0, 255, 255, 0);
    expect(greys(resampleAll('bicubic', edges, [5, 1, 11, 1]))).toEqual([0, 0, 0, 15, 142, 255, 255, 255, 163, 32, 0]);
    const ends = row(255, 0, 255, 255, 0, 0, 255, 0);
    expect(greys(resampleAll('bicubic', ends, [8, 1, 5, 1]))).toEqual([146, 193, 128, 62, 109]);
  });
});

describe.each(filters)('%s', (filter) => {
  it('returns the picture itself at its own size', () => {
    const { data } = noise(13, 9);
    expect(resampleAll(filter, data, [13, 9, 13, 9])).toEqual(data);
  });

  it('keeps a flat picture flat', () => {
    const side = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(side, side, side, side, fc.integer({ min: 0, max: 255 }), (w, h, toW, toH, tone) => {
        const flat = resampleAll(filter, new Uint8Array(w * h * 3).fill(tone), [w, h, toW, toH]);
        expect(flat.every((value) => value === tone)).toBe(true);
      }),
    );
  });

  it('gives what plain arithmetic gives, for any size', () => {
    const side = fc.integer({ min: 1, max: 70 });
    const extremes = fc.constantFrom(0, 255);
    fc.assert(
      fc.property(side, side, side, side, fc.integer(), extremes, (width, height, toWidth, toHeight, seed, extreme) => {
        const data = contrasts(width, height, seed, extreme);
        const sides = [width, height, toWidth, toHeight] as const;
        expect(Buffer.compare(resampleAll(filter, data, sides), plainly(filter, data, sides))).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [1500, 400, 33, 44],
    [400, 1500, 44, 33],
    [90, 1200, 80, 1060],
  ] as const)('gives the same in pieces as at once, %i × %i: more than the kernel holds', (...sides) => {
    const { data } = noise(sides[0], sides[1]);
    expect(Buffer.compare(resampleAll(filter, data, sides), plainly(filter, data, sides))).toBe(0);
  });

  it('refuses a source that does not cover the window, rather than showing what was in memory before', () => {
    const source = { data: new Uint8Array(30 * 30 * 3), left: 0, top: 0, width: 30, height: 30 };
    const [thirty, more] = [whole(filter, 30, 10), whole(filter, 31, 10)];
    expect(() => resampleWindow(source, thirty, more)).toThrow(RangeError);
    expect(() => resampleWindow({ ...source, left: 1 }, thirty, thirty)).toThrow(RangeError);
    expect(() => resampleWindow({ ...source, height: 31 }, thirty, more)).toThrow(RangeError);
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
          return {
            interpolation: filter,
            source,
            target,
            start,
            length: Math.max(1, Math.floor(part * (target - start))),
          };
        };
        const across = axis(x);
        const down = axis(y);
        const { data } = noise(x.source, y.source, seed);
        const all = resampleAll(filter, data, [x.source, y.source, x.target, y.target]);
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
    const span = sourceSpan({ interpolation: filter, source: 5000, target: 1_280_000, start: 639_888, length: 224 });
    expect(span.end - span.first).toBeLessThanOrEqual(filter === 'bilinear' ? 4 : 6);
  });
});

describe('the kernel', () => {
  it('has room for the sum of every output pixel in 32 bits, whatever the picture', () => {
    const side = fc.integer({ min: 1, max: 600 });
    fc.assert(
      fc.property(side, side, (from, to) => {
        for (let i = 0; i < to; i += 1) {
          const { weights } = pillowWeights('bicubic', from, to, i);
          const magnitude = weights.reduce((sum, weight) => sum + Math.abs(weight), 0);
          expect(255 * magnitude + 2 ** 21).toBeLessThan(2 ** 31);
        }
      }),
    );
  });

  it('is what its source compiles to', async () => {
    const source = readFileSync(new URL('../../kernel/resample.wat', import.meta.url), 'utf8');
    const compiler = await wabt();
    const compiled = compiler.parseWat('resample.wat', source, { simd: true }).toBinary({}).buffer;
    expect(Buffer.from(resampleKernel, 'base64').equals(compiled)).toBe(true);
  });
});
