import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeBudget } from './decode-budget.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('DecodeBudget', () => {
  it('never runs more than fits, serves in order, and runs everything once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 150 }), fails: fc.boolean() }), { maxLength: 30 }),
        fc.infiniteStream(fc.nat(99)),
        async (limit, pieces, choices) => {
          const budget = new DecodeBudget(limit);
          const running = new Map<number, () => void>();
          const started: number[] = [];
          const results = pieces.map(({ bytes, fails }, index) =>
            budget.run(bytes, async () => {
              started.push(index);
              await new Promise<void>((resolve) => running.set(index, resolve));
              if (fails) throw new Error('bad picture');
            }),
          );
          const outcomes = Promise.allSettled(results);
          await settled();
          while (running.size > 0) {
            const bytes = [...running.keys()].map((index) => pieces[index]?.bytes ?? 0);
            expect(bytes.length === 1 || bytes.reduce((sum, each) => sum + each, 0) <= limit).toBe(true);
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
