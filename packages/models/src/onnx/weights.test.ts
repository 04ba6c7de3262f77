import { describe, expect, it } from 'vitest';
import { createPrng, filterChunks, type FilterBank } from './weights.js';

const bank: FilterBank = { seed: 1, stream: 'a', filters: 400, fanIn: 576, std: 0.06, centred: true };

function values(options: Partial<FilterBank>): Float32Array {
  const bytes = Buffer.concat([...filterChunks({ ...bank, ...options })]);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

const moments = (x: Float32Array) => {
  const mean = x.reduce((sum, v) => sum + v, 0) / x.length;
  return { mean, std: Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length) };
};

describe('generated weights', () => {
  it('come from a generator whose numbers never change', () => {
    const next = createPrng(50, 'conv1.weight');
    expect(Array.from({ length: 4 }, next)).toMatchInlineSnapshot(`
      [
        1040959077,
        2090720350,
        3032873789,
        1176902564,
      ]
    `);
  });

  it('have the standard deviation that was asked for, and filters that sum to zero', () => {
    const x = values({});
    expect(x).toHaveLength(400 * 576);
    expect(moments(x).mean).toBeCloseTo(0, 6);
    expect(moments(x).std).toBeCloseTo(0.06, 3);
    for (let row = 0; row < 400; row += 1) {
      expect(Math.abs(x.subarray(row * 576, (row + 1) * 576).reduce((sum, v) => sum + v, 0))).toBeLessThan(1e-5);
    }
  });

  it('differ between seeds and tensors, and do not depend on how many are drawn', () => {
    const first = values({}).subarray(0, 576);
    expect(values({ filters: 1 })).toEqual(first);
    expect(values({ seed: 2 }).subarray(0, 576)).not.toEqual(first);
    expect(values({ stream: 'b' }).subarray(0, 576)).not.toEqual(first);
  });
});
