import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CropSlots, TensorError } from './crop-slots.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('gives every slot to one holder at a time, in the order of arrival, and frees it whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ which: fc.nat(9), fails: fc.boolean() }), { maxLength: 20 }),
      async (count, ends) => {
        const slots = new CropSlots(count, 2);
        const held = new Map<number, (fails: boolean) => void>();
        const started: number[] = [];
        const jobs = ends.map((_, job) =>
          slots
            .use(
              (slot) =>
                new Promise<void>((resolve, reject) => {
                  expect(held.has(slot)).toBe(false);
                  expect(slot).toBeLessThan(count);
                  started.push(job);
                  held.set(slot, (fails) => {
                    held.delete(slot);
                    if (fails) reject(new Error('failed'));
                    else resolve();
                  });
                }),
            )
            .catch(() => undefined),
        );
        for (const { which, fails } of ends) {
          await settled();
          expect(held.size + slots.free).toBe(count);
          [...held.values()][which % held.size]?.(fails);
        }
        await Promise.all(jobs);
        expect(started).toEqual(ends.map((_, job) => job));
        expect(slots.free).toBe(count);
      },
    ),
    { numRuns: 100 },
  );
});

it('holds the crops of all slots side by side', () => {
  expect(new CropSlots(3, 4).buffer.byteLength).toBe(3 * 4 * 4 * 3);
});

it('keeps a row of the model’s input beside each slot, and refuses one of another size', () => {
  const slots = new CropSlots(3, 1);
  const values = Float32Array.of(0.5, -1, 2);
  expect(slots.loadTensor(Buffer.from(values.buffer), 2)).toBe(5);
  expect([...new Float32Array(slots.tensors)]).toEqual([0, 0, 0, 0, 0, 0, ...values]);
  expect(() => slots.loadTensor(Buffer.alloc(13), 0)).toThrow(TensorError);
});
