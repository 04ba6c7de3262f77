import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classMap, mapSize, topClass, type HeadSettings } from './class-map.js';

function headOf(weights: readonly number[], channels: number, over: Partial<HeadSettings> = {}): HeadSettings {
  const shared = new SharedArrayBuffer(4 * weights.length);
  new Float32Array(shared).set(weights);
  return { features: 'f', scale: 1, zeroPoint: 0, layout: 'NCHW', channels, weights: shared, ...over };
}

/** Channels first to channels last, for pictures of `places` places. */
const channelsLast = (values: readonly number[], channels: number, places: number): number[] =>
  values.map((_, index) => {
    const size = channels * places;
    const [picture, rest] = [Math.floor(index / size), index % size];
    return values[picture * size + (rest % channels) * places + Math.floor(rest / channels)] ?? NaN;
  });

describe('classMap', () => {
  it('is what is worked by hand: a class, a picture, each place', () => {
    const head = headOf([9, 9, 1, -2], 2);
    const maps = { values: Float32Array.of(0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6), rows: 1, columns: 3 };
    const map = classMap(head, maps, 1, 1);
    expect(map).toMatchObject({ index: 1, rows: 1, columns: 3 });
    expect([...map.values]).toEqual([1 - 8, 2 - 10, 3 - 12]);
  });

  it('has the logit without its bias as its mean, whatever the layout and the steps', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const sizes = fc.record({ channels: fc.integer({ min: 1, max: 5 }), places: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(
        sizes.chain(({ channels, places }) =>
          fc.record({
            ...{ channels: fc.constant(channels), places: fc.constant(places) },
            features: fc.array(byte, { minLength: 2 * channels * places, maxLength: 2 * channels * places }),
            weights: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: channels, maxLength: channels }),
          }),
        ),
        ({ channels, places, features, weights }) => {
          const steps = { scale: 0.25, zeroPoint: 7 };
          const first = headOf(weights, channels, steps);
          const maps = { values: Uint8Array.from(features), rows: 1, columns: places };
          const map = classMap(first, maps, 1, 0);
          const pooled = weights.map((_, channel) => {
            const from = (channels + channel) * places;
            return features.slice(from, from + places).reduce((sum, value) => sum + 0.25 * (value - 7), 0) / places;
          });
          const logit = weights.reduce((sum, weight, channel) => sum + weight * (pooled[channel] ?? NaN), 0);
          expect(map.values.reduce((sum, value) => sum + value, 0) / places).toBeCloseTo(logit, 3);
          const last = headOf(weights, channels, { ...steps, layout: 'NHWC' });
          const turned = { ...maps, values: Uint8Array.from(channelsLast(features, channels, places)) };
          expect([...classMap(last, turned, 1, 0).values]).toEqual([...map.values]);
        },
      ),
    );
  });
});

describe('mapSize', () => {
  it('knows maps of the head by their shape', () => {
    const head = headOf([], 2048);
    expect(mapSize(head, [4, 2048, 7, 5])).toEqual({ rows: 7, columns: 5 });
    expect(mapSize({ ...head, layout: 'NHWC' }, [4, 7, 5, 2048])).toEqual({ rows: 7, columns: 5 });
    expect(mapSize(head, [4, 7, 5, 2048])).toBeUndefined();
    expect(mapSize(head, [4, 2048])).toBeUndefined();
  });
});

describe('topClass', () => {
  it('is the first of the largest', () => {
    expect(topClass(Float32Array.of(-2, 3, 1, 3))).toBe(1);
  });
});
