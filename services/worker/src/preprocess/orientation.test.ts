import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noise, type Pixels } from '../../../../test/fixtures/images/index.js';
import { planCrop } from './geometry.js';
import { type Axes, isTransposed, partsOf, storedAxes, upright } from './orientation.js';
import { type Interpolation, resampleWindow, sourceSpan, type SourceWindow } from './resample.js';

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
