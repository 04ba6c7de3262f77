import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelBudget } from './pixel-budget.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('PixelBudget', () => {
  it('never runs more than fits, serves in order, and runs everything once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.record({ pixels: fc.integer({ min: 1, max: 150 }), fails: fc.boolean() }), { maxLength: 30 }),
        fc.infiniteStream(fc.nat(99)),
        async (limit, pieces, choices) => {
          const budget = new PixelBudget(limit);
          const running = new Map<number, () => void>();
          const started: number[] = [];
          const results = pieces.map(({ pixels, fails }, index) =>
            budget.run(pixels, async () => {
              started.push(index);
              await new Promise<void>((resolve) => running.set(index, resolve));
              if (fails) throw new Error('bad picture');
            }),
          );
          const outcomes = Promise.allSettled(results);
          await settled();
          while (running.size > 0) {
            const pixels = [...running.keys()].map((index) => pieces[index]?.pixels ?? 0);
            expect(pixels.length === 1 || pixels.reduce((sum, each) => sum + each, 0) <= limit).toBe(true);
            const indices = [...running.keys()];
            const index = indices[(choices.next().value ?? 0) % indices.length] ?? 0;
            running.get(index)?.();
            running.delete(index);
            await settled();
          }
          expect(started).toEqual(pieces.map((_, index) => index));
          expect((await outcomes).map(({ status }) => status === 'rejected')).toEqual(pieces.map(({ fails }) => fails));
        },
      ),
      { numRuns: 100 },
    );
  });
});
