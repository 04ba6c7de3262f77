import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBuffers, type Lease } from './body-buffers.js';

describe('BodyBuffers', () => {
  it('uses memory again that was given back, whatever its length was', () => {
    const buffers = new BodyBuffers(1024 * 1024);
    const first = buffers.lend(100_000);
    first.giveBack();
    const second = buffers.lend(70_000);
    expect(second.buffer.buffer).toBe(first.buffer.buffer);
    expect(second.buffer).toHaveLength(70_000);
    expect(buffers.lend(100_000).buffer.buffer).not.toBe(first.buffer.buffer);
  });

  it('keeps no more than it may, and nothing that is very large', () => {
    const buffers = new BodyBuffers(256 * 1024);
    const leases = [1, 2, 3].map(() => buffers.lend(128 * 1024));
    for (const lease of leases) lease.giveBack();
    const again = [1, 2, 3].map(() => buffers.lend(128 * 1024).buffer.buffer);
    expect(again.filter((memory) => leases.some(({ buffer }) => buffer.buffer === memory))).toHaveLength(2);
    const large = buffers.lend(5_000_000);
    large.giveBack();
    expect(buffers.lend(5_000_000).buffer.buffer).not.toBe(large.buffer.buffer);
  });

  it('never lends one memory to two', () => {
    const step = fc.record({ length: fc.integer({ min: 0, max: 3_000_000 }), back: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const buffers = new BodyBuffers(8 * 1024 * 1024);
        const held: Lease[] = [];
        for (const { length, back } of steps) {
          if (back) held.shift()?.giveBack();
          held.push(buffers.lend(length));
          expect(held.at(-1)?.buffer).toHaveLength(length);
          expect(new Set(held.map(({ buffer }) => buffer.buffer)).size).toBe(held.length);
        }
      }),
      { numRuns: 50 },
    );
  });
});
