import { describe, expect, it } from 'vitest';
import { cached } from './cached.js';

describe('cached', () => {
  it('asks once for all who ask at once, and again when the answer is old', async () => {
    let now = 0;
    let asked = 0;
    const value = cached(
      100,
      () => Promise.resolve(++asked),
      () => now,
    );
    expect(await Promise.all([value(), value(), value()])).toEqual([1, 1, 1]);
    now = 99;
    expect(await value()).toBe(1);
    now = 101;
    expect(await value()).toBe(2);
  });

  it('keeps no failure', async () => {
    let asked = 0;
    const value = cached(100, () => (++asked === 1 ? Promise.reject(new Error('down')) : Promise.resolve(asked)));
    await expect(value()).rejects.toThrow('down');
    expect(await value()).toBe(2);
  });
});
