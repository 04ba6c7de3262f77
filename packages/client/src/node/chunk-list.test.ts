import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkList } from './chunk-list.js';

describe('ChunkList', () => {
  it('has the bytes of its chunks in order, and never many chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3 }), { maxLength: 40 }), fc.nat(300), (some, times) => {
        const list = new ChunkList();
        for (let round = 0; round <= times; round += 1) for (const chunk of some) list.push(chunk);
        expect(list.length).toBeLessThan(1020);
        expect(list.bytes()).toEqual(Buffer.concat(Array.from({ length: times + 1 }, () => some).flat()));
      }),
      { numRuns: 50 },
    );
  });
});
