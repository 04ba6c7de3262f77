import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cropRegion as cropOfWorkers } from '../../../../services/worker/src/preprocess/geometry.js';
import { cropRegion, isCropWorthShowing } from './picture.js';

const sides = ['left', 'top', 'width', 'height'] as const;

describe('the part that the model sees', () => {
  it('is the one that workers cut out, to a pixel of the resized picture', () => {
    const size = fc.integer({ min: 1, max: 20_000 });
    const spec = fc
      .tuple(fc.integer({ min: 32, max: 512 }), fc.integer({ min: 0, max: 64 }))
      .map(([crop, margin]) => ({ crop, resize: crop + margin }));
    fc.assert(
      fc.property(size, size, spec, (width, height, preprocess) => {
        const shown = cropRegion(width, height, preprocess);
        const cut = cropOfWorkers({ width, height }, preprocess);
        for (const side of sides) expect(Math.abs(shown[side] - cut[side])).toBeLessThan(1.01 / preprocess.resize);
        expect(shown.width * width).toBeCloseTo(shown.height * height, 6);
      }),
    );
  });

  it('is shown of photos and panoramas, wide or tall, not of squares', () => {
    const preprocess = { resize: 256, crop: 224 };
    const isShown = (width: number, height: number): boolean =>
      isCropWorthShowing(cropRegion(width, height, preprocess));
    expect([isShown(640, 480), isShown(480, 640), isShown(4000, 500), isShown(500, 500)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(isCropWorthShowing(cropRegion(500, 500, { resize: 224, crop: 224 }))).toBe(false);
  });
});
