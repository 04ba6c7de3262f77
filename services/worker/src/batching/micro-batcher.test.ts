import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AbandonedError, MicroBatcher, type BatchRunner } from './micro-batcher.js';

/** Streams whose batches end when the test says so. */
class ManualRunner implements BatchRunner<number, string> {
  readonly batches: (readonly number[])[] = [];
  readonly running: { items: readonly number[]; end: (error?: Error) => void }[] = [];
  onIdle: () => void = () => undefined;

  constructor(
    public idle: number,
    readonly maxBatch: number,
  ) {}

  run(items: readonly number[]): Promise<readonly string[]> {
    expect(this.idle).toBeGreaterThan(0);
    expect(items.length).toBeLessThanOrEqual(this.maxBatch);
    this.idle -= 1;
    this.batches.push(items);
    return new Promise((resolve, reject) => {
      const run = {
        items,
        end: (error?: Error) => {
          this.running.splice(this.running.indexOf(run), 1);
          this.idle += 1;
          if (error) reject(error);
          else resolve(items.map(String));
          this.onIdle();
        },
      };
      this.running.push(run);
    });
  }
}

function setUp(streams: number, maxBatch: number) {
  const runner = new ManualRunner(streams, maxBatch);
  let time = 0;
  const batcher = new MicroBatcher(runner, () => time);
  runner.onIdle = () => {
    batcher.dispatch();
  };
  return { runner, batcher, advance: (ms: number) => (time += ms) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('MicroBatcher', () => {
  it('starts at once what an idle stream can take', async () => {
    const { runner, batcher } = setUp(1, 4);
    const answer = batcher.submit(1);
    expect(runner.batches).toEqual([[1]]);
    runner.running[0]?.end();
    expect(await answer).toEqual({ result: '1', batchSize: 1, waitMs: 0 });
  });

  it('batches what came while the streams were busy, in order, and tells how long it waited', async () => {
    const { runner, batcher, advance } = setUp(1, 3);
    const answers = [1, 2, 3, 4, 5].map((value) => batcher.submit(value));
    advance(7);
    runner.running[0]?.end();
    runner.running[0]?.end();
    runner.running[0]?.end();
    expect(runner.batches).toEqual([[1], [2, 3, 4], [5]]);
    const results = await Promise.all(answers);
    expect(results.map(({ batchSize, waitMs }) => [batchSize, waitMs])).toEqual([
      [1, 0],
      [3, 7],
      [3, 7],
      [3, 7],
      [1, 7],
    ]);
  });

  it('rejects only the item that makes its batch fail', async () => {
    const { runner, batcher } = setUp(1, 4);
    const first = batcher.submit(0);
    const answers = [1, 2, 3].map((value) => batcher.submit(value).then(String, () => 'rejected'));
    runner.running[0]?.end();
    await first;
    while (runner.running.length > 0) {
      const [run] = runner.running;
      run?.end(run.items.includes(2) ? new Error('poison') : undefined);
      await settled();
    }
    expect(runner.batches).toEqual([[0], [1, 2, 3], [1], [2], [3]]);
    expect((await Promise.all(answers)).map((answer) => answer === 'rejected')).toEqual([false, true, false]);
  });

  it('hands back what waits when abandoned, and finishes what runs', async () => {
    const { runner, batcher } = setUp(1, 1);
    const running = batcher.submit(1);
    const waiting = batcher.submit(2);
    batcher.abandon();
    await expect(waiting).rejects.toThrow(AbandonedError);
    await expect(batcher.submit(3)).rejects.toThrow(AbandonedError);
    runner.running[0]?.end();
    expect((await running).result).toBe('1');
  });

  it('conserves work, keeps the order and answers everything once, whatever happens', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('submit' as const) }),
      fc.record({ kind: fc.constant('end' as const), which: fc.nat(7), fails: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(step),
        async (streams, maxBatch, steps) => {
          const { runner, batcher } = setUp(streams, maxBatch);
          const poison = new Set<number>();
          const ends = new Map<number, number>();
          let submitted = 0;
          const end = async (which: number, fails: boolean): Promise<void> => {
            const run = runner.running[which % Math.max(1, runner.running.length)];
            if (run === undefined) return;
            const [first] = run.items;
            if (fails && first !== undefined) poison.add(first);
            run.end(run.items.some((item) => poison.has(item)) ? new Error('poison') : undefined);
            await settled();
          };
          for (const action of steps) {
            if (action.kind === 'submit') {
              const value = submitted;
              submitted += 1;
              const count = (): void => void ends.set(value, (ends.get(value) ?? 0) + 1);
              batcher.submit(value).then(count, count);
            } else await end(action.which, action.fails);
            expect(runner.idle === 0 || batcher.waiting === 0).toBe(true);
          }
          while (runner.running.length > 0) await end(0, false);
          expect([...ends.values()]).toEqual(Array.from({ length: submitted }, () => 1));
          const firstStarts = [...new Set(runner.batches.flat())];
          expect(firstStarts).toEqual(Array.from({ length: submitted }, (_, index) => index));
        },
      ),
      { numRuns: 200 },
    );
  });
});
