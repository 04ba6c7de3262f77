import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concurrently } from './concurrently.js';

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

describe('work on many items', () => {
  it('yields each result once, in order where that is asked for, and never does more at once than it may', async () => {
    const cases = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(cases, fc.integer({ min: 1, max: 6 }), fc.boolean(), async (delays, size, ordered) => {
        let running = 0;
        let most = 0;
        const work = async (delay: number, index: number): Promise<number> => {
          most = Math.max(most, ++running);
          for (let turn = 0; turn < delay; turn += 1) await new Promise(setImmediate);
          running -= 1;
          return index;
        };
        const results = await collect(concurrently(delays, work, { window: { size }, ordered }));
        expect(ordered ? results : results.toSorted((a, b) => a - b)).toEqual(delays.map((_, index) => index));
        expect(most).toBeLessThanOrEqual(size);
      }),
      { numRuns: 50 },
    );
  });

  it('takes no more items than it may hold while the first one is not done', async () => {
    let pulled = 0;
    const endless = (function* () {
      for (;;) yield pulled++;
    })();
    let release: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      release = resolve;
    });
    const work = (item: number): Promise<number> => (item === 0 ? first.then(() => 0) : Promise.resolve(item));
    const results = concurrently(endless, work, { window: { size: 2 }, ordered: true });
    const next = results.next();
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(pulled).toBe(256);
    release();
    expect((await next).value).toBe(0);
    await results.return();
  });

  it('aborts what is under way when the consumer leaves, and closes the source', async () => {
    const begun: number[] = [];
    const aborted: number[] = [];
    let closed = false;
    const source = (function* () {
      try {
        for (let item = 0; ; item += 1) yield item;
      } finally {
        closed = true;
      }
    })();
    const work = (item: number, _: number, signal: AbortSignal): Promise<number> =>
      new Promise((resolve, reject) => {
        begun.push(item);
        if (item === 0) resolve(0);
        signal.addEventListener('abort', () => {
          aborted.push(item);
          reject(new Error('aborted'));
        });
      });
    for await (const result of concurrently(source, work, { window: { size: 4 }, ordered: true })) {
      expect(result).toBe(0);
      await new Promise(setImmediate);
      break;
    }
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    expect(aborted).toEqual([1, 2, 3, 4]);
    expect(closed).toBe(true);
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const never = (_: number, __: number, signal: AbortSignal): Promise<never> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      });
    const results = collect(
      concurrently([1, 2], never, { window: { size: 2 }, ordered: true, signal: controller.signal }),
    );
    controller.abort(new Error('enough'));
    await expect(results).rejects.toThrow('enough');
  });

  it('ends with the error of the source, or of the work', async () => {
    const broken = (async function* () {
      yield await Promise.resolve(1);
      throw new Error('the source broke');
    })();
    const options = { window: { size: 2 }, ordered: true };
    await expect(collect(concurrently(broken, (item) => Promise.resolve(item), options))).rejects.toThrow(
      'source broke',
    );
    const failing = concurrently([1], () => Promise.reject(new Error('the work broke')), options);
    await expect(collect(failing)).rejects.toThrow('the work broke');
  });
});
