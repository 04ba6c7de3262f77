import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteCollector } from './byte-collector.js';

describe('ByteCollector', () => {
  it('has the bytes that came, in order, up to its limit, in little more memory than they take', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 40 });
    fc.assert(
      fc.property(chunks, fc.nat(100_000), fc.option(fc.nat(10_000)), (given, most, known) => {
        const collector =
          known === null ? new ByteCollector(most) : new ByteCollector(most, Buffer.alloc(Math.min(known, most)));
        const taken: Uint8Array[] = [];
        for (const chunk of given) {
          const fits = collector.size + chunk.length <= most;
          expect(collector.push(chunk)).toBe(fits);
          if (fits) taken.push(chunk);
          expect(collector.held).toBeLessThanOrEqual(Math.min(most, Math.max(4096, known ?? 0, 2 * collector.size)));
        }
        expect(collector.bytes().equals(Buffer.concat(taken))).toBe(true);
      }),
    );
  });

  it('holds the same for a thousand chunks of one byte as for one of a thousand, and keeps none of them', () => {
    const one = new ByteCollector(1e6);
    one.push(Buffer.alloc(1000, 7));
    const many = new ByteCollector(1e6);
    const chunk = Buffer.alloc(1, 7);
    for (let count = 0; count < 1000; count += 1) many.push(chunk);
    chunk.fill(0);
    expect(many.held).toBe(one.held);
    expect(many.bytes().equals(one.bytes())).toBe(true);
  });

  it('fills the memory that it is given', () => {
    const block = Buffer.alloc(10);
    const collector = new ByteCollector(10, block);
    collector.push(Buffer.from('0123456789'));
    expect(collector.push(Buffer.from('x'))).toBe(false);
    expect(collector.bytes().buffer).toBe(block.buffer);
  });
});
