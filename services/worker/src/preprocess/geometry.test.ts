import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noise, type Pixels } from '../../../../test/fixtures/images/index.js';
import {
  checkSpec,
  cropRegion,
  isTransposed,
  partsOf,
  planCrop,
  roundHalfEven,
  storedAxes,
  upright,
  type Axes,
} from './geometry.js';
import { resampleWindow, sourceSpan, type Interpolation, type SourceWindow } from './resample.js';

const spec = { resize: 256, crop: 224 };

describe('roundHalfEven', () => {
  it('agrees with Python on halves', () => {
    // python3 -c 'print([round(x / 2) for x in range(-7, 8, 2)])' and the halves between
    expect([-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5].map((x) => roundHalfEven(x) + 0)).toEqual([
      -4, -2, -2, 0, 0, 2, 2, 4,
    ]);
  });

  it('is ordinary rounding elsewhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), fc.constantFrom(0, 0.25, 0.75), (whole, part) => {
        expect(roundHalfEven(whole + part)).toBe(Math.round(whole + part));
      }),
    );
  });
});

describe('planCrop', () => {
  it('places known pictures where torchvision does', () => {
    // A 4:3 photo: 341 - 224 = 117, half is 58.5, and Python rounds it to 58.
    expect(planCrop(640, 480, spec)).toMatchObject({ width: 341, height: 256, left: 58, top: 16 });
    expect(planCrop(256, 343, spec)).toMatchObject({ width: 256, height: 343, left: 16, top: 60 });
    expect(planCrop(255, 300, spec)).toMatchObject({ width: 256, height: 301, top: 38 });
    expect(planCrop(1, 5000, spec)).toMatchObject({ width: 256, height: 1_280_000, left: 16, top: 639_888 });
  });

  it('keeps the crop inside the resized picture, centred, with the short side as asked', () => {
    const side = fc.integer({ min: 1, max: 200_000 });
    const specs = fc
      .integer({ min: 1, max: 1024 })
      .chain((crop) => fc.record({ crop: fc.constant(crop), resize: fc.integer({ min: crop, max: 1200 }) }));
    fc.assert(
      fc.property(side, side, specs, (width, height, asked) => {
        const plan = planCrop(width, height, asked);
        expect(Math.min(plan.width, plan.height)).toBe(asked.resize);
        expect(plan.left).toBeGreaterThanOrEqual(0);
        expect(plan.top).toBeGreaterThanOrEqual(0);
        expect(plan.left + plan.crop).toBeLessThanOrEqual(plan.width);
        expect(plan.top + plan.crop).toBeLessThanOrEqual(plan.height);
        expect(Math.abs(plan.width - plan.crop - 2 * plan.left)).toBeLessThanOrEqual(1);
        expect(Math.abs(plan.height - plan.crop - 2 * plan.top)).toBeLessThanOrEqual(1);
        const turned = planCrop(height, width, asked);
        expect([turned.width, turned.left]).toEqual([plan.height, plan.top]);
      }),
    );
  });
});

describe('cropRegion', () => {
  it('is what the crop shows, in fractions of the picture', () => {
    const { left, top, width, height } = cropRegion({ width: 640, height: 480 }, spec);
    expect([left, top, width, height]).toEqual([58 / 341, 16 / 256, 224 / 341, 224 / 256]);
    expect(cropRegion({ width: 256, height: 256 }, { resize: 256, crop: 256 })).toEqual({
      ...{ left: 0, top: 0, width: 1, height: 1 },
    });
  });
});

describe('checkSpec', () => {
  it('refuses a crop that does not fit', () => {
    expect(() => {
      checkSpec({ resize: 200, crop: 224 });
    }).toThrow(RangeError);
    expect(() => {
      checkSpec({ resize: 256, crop: 0.5 });
    }).toThrow(RangeError);
    checkSpec({ resize: 224, crop: 224 });
  });
});

const turnings = [1, 2, 3, 4, 5, 6, 7, 8] as const;

function axes({ width, height }: Pixels, interpolation: Interpolation): Axes {
  const plan = planCrop(width, height, { resize: 40, crop: 32 });
  const length = plan.crop;
  return {
    across: { interpolation, source: width, target: plan.width, start: plan.left, length },
    down: { interpolation, source: height, target: plan.height, start: plan.top, length },
  };
}

/** As it is shown: source coordinates of each shown pixel, as EXIF defines its orientations. */
function shown(stored: Pixels, orientation: number): Pixels {
  const [width, height] = isTransposed(orientation) ? [stored.height, stored.width] : [stored.width, stored.height];
  return { width, height, data: upright(stored.data, stored.width, stored.height, orientation) };
}

/** Of the stored picture only what the crop depends on, as a decoder is asked for it. */
function windowOf({ data, width }: Pixels, { across, down }: Axes): SourceWindow {
  const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
  const size = { width: columns.end - columns.first, height: rows.end - rows.first };
  const window = new Uint8Array(size.width * size.height * 3);
  for (let y = 0; y < size.height; y += 1) {
    const from = ((rows.first + y) * width + columns.first) * 3;
    window.set(data.subarray(from, from + size.width * 3), y * size.width * 3);
  }
  return { data: window, left: columns.first, top: rows.first, ...size };
}

describe('a picture that is turned', () => {
  it('is shown as EXIF says', () => {
    // Two rows of three: a to f.
    const stored = Uint8Array.from('abcdef', (letter) => letter.charCodeAt(0));
    const pixels = {
      width: 3,
      height: 2,
      data: Uint8Array.from({ length: 18 }, (_v, i) => stored[Math.floor(i / 3)] ?? 0),
    };
    const letters = (orientation: number): string =>
      String.fromCharCode(...shown(pixels, orientation).data.filter((_value, i) => i % 3 === 0));
    const expected = ['abcdef', 'cbafed', 'fedcba', 'defabc', 'adbecf', 'daebfc', 'fcebda', 'cfbead'];
    expect(turnings.map(letters)).toEqual(expected);
  });

  it('gives the same crop resampled as stored, in parts, as it does turned before, to the bit', () => {
    const side = fc.integer({ min: 1, max: 150 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.constantFrom(...turnings),
        fc.constantFrom('bilinear', 'bicubic'),
        fc.integer({ min: 1, max: 5 }),
        (width, height, orientation, interpolation, parts) => {
          const stored = noise(width, height);
          const turned = shown(stored, orientation);
          const wanted = axes(turned, interpolation);
          const expected = resampleWindow({ ...turned, left: 0, top: 0 }, wanted.across, wanted.down);
          const { across, down } = storedAxes(wanted, orientation);
          const crop = partsOf(down, parts).map((rows) =>
            resampleWindow(windowOf(stored, { across, down: rows }), across, rows, isTransposed(orientation)),
          );
          const whole = upright(Buffer.concat(crop), across.length, down.length, orientation);
          expect(Buffer.compare(whole, expected)).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
