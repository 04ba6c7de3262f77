/**
 * Random histories for everything of which a service holds only so much. Whatever comes, in whatever sizes, and however it ends:
 * something runs while anything waits, each piece of work ends exactly once, and all is free again at the end, to the last byte.
 * (Fair shares of deliveries and fetches: fair-shares.test.ts.)
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBuffers } from '../../services/api/src/http/body/body-buffers.js';
import { UploadBudget } from '../../services/api/src/http/body/upload-budget.js';
import { CropSlots } from '../../services/worker/src/batching/crop-slots.js';
import { MicroBatcher } from '../../services/worker/src/batching/micro-batcher.js';
import { SimulatedClock, SimulatedStreams } from '../../services/worker/src/batching/simulation.test-support.js';
import { LoadMeter } from '../../services/worker/src/inference/stream-pool.js';
import { DecodeBudget } from '../../services/worker/src/preprocess/decode-budget.js';
import { full } from '../support/full.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Pieces of work come and end in any order. `size`: of the largest that may be, in any fraction. */
const history = fc.array(
  fc.record({
    size: fc.nat(1_000_000).map((millionths) => millionths / 1_000_000),
    comes: fc.boolean(),
    which: fc.nat(1000),
    fails: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
);
type History = typeof history extends fc.Arbitrary<infer H> ? H : never;

/** A resource whose pieces wait for their turn. */
interface Turns {
  /** Runs `work` when it is the turn of a piece of `size` (of 1). */
  readonly run: (size: number, work: () => Promise<void>) => Promise<unknown>;
  /** Throws where the pieces that run, by their sizes, are too many. */
  readonly check: (running: readonly number[]) => void;
}

/** Plays `pieces` on `turns`, ends all that runs, and sees whether the largest piece that may be runs then. */
async function play({ run, check }: Turns, pieces: History): Promise<void> {
  const running = new Map<number, { size: number; end: (fails: boolean) => void }>();
  const ends: number[] = [];
  let asked = 0;
  let all: Promise<unknown> = Promise.resolve();
  const ask = (size: number): void => {
    const piece = asked++;
    const work = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const end = (fails: boolean): void => {
          running.delete(piece);
          if (fails) reject(new Error('bad picture'));
          else resolve();
        };
        running.set(piece, { size, end });
      });
    const ended = run(size, work)
      .catch(() => undefined)
      .then(() => ends.push(piece));
    all = Promise.all([all, ended]);
  };
  const look = async (): Promise<void> => {
    await settled();
    check([...running.values()].map(({ size }) => size));
    expect(running.size > 0 || ends.length === asked, `${asked - ends.length} wait, and nothing runs`).toBe(true);
  };
  for (const { size, comes, which, fails } of pieces) {
    if (comes || running.size === 0) ask(size);
    else [...running.values()][which % running.size]?.end(fails);
    await look();
  }
  while (running.size > 0) {
    for (const { end } of running.values()) end(false);
    await look();
  }
  ask(1);
  await settled();
  expect(running.size).toBe(1);
  for (const { end } of running.values()) end(false);
  await all;
  expect(ends.toSorted((a, b) => a - b)).toEqual(Array.from({ length: asked }, (_, piece) => piece));
}

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);

describe('no history stops', () => {
  it('the memory for decoding', async () => {
    const limit = fc.double({ min: 1, max: 1e9, noNaN: true });
    await fc.assert(
      fc.asyncProperty(limit, history, async (bytes, pieces) => {
        const budget = new DecodeBudget(bytes, 1e9);
        await play(
          {
            // Some are larger than all that there is.
            run: (size, work) => budget.run(size * bytes * 1.2, work),
            check: (running) => {
              const most = sum(running.map((size) => size * bytes * 1.2));
              expect(running.length <= 1 || most <= bytes).toBe(true);
            },
          },
          pieces,
        );
      }),
      { numRuns: full ? 5000 : 200 },
    );
  });

  it('the slots for crops', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), history, async (count, pieces) => {
        const slots = new CropSlots(count, 1);
        await play(
          {
            run: (_size, work) => slots.use(work),
            check: (running) => {
              expect(running.length).toBeLessThanOrEqual(count);
              expect(slots.held).toBe(running.length);
            },
          },
          pieces,
        );
        expect(slots.free).toBe(count);
      }),
    );
  });

  it('the streams, whatever fails, is canceled or runs out of time', async () => {
    const arrivals = fc.array(
      fc.record({
        gap: fc.double({ min: 0, max: 60, noNaN: true }),
        dueIn: fc.option(fc.double({ min: 0, max: 400, noNaN: true }), { nil: undefined }),
        canceledIn: fc.option(fc.double({ min: 0, max: 400, noNaN: true }), { nil: undefined }),
        priority: fc.integer({ min: 0, max: 10 }),
        poison: fc.boolean(),
      }),
      { minLength: 1, maxLength: 40 },
    );
    const machine = fc.record({ streams: fc.integer({ min: 1, max: 3 }), maxBatch: fc.integer({ min: 1, max: 8 }) });
    await fc.assert(
      fc.asyncProperty(arrivals, machine, async (items, { streams, maxBatch }) => {
        const clock = new SimulatedClock();
        const poison = new Set(items.flatMap((item, index) => (item.poison ? [index] : [])));
        const runner = new SimulatedStreams(clock, streams, maxBatch, (size) => 10 + 40 * size, poison);
        const batcher = new MicroBatcher(runner, clock);
        runner.onIdle = () => {
          batcher.dispatch();
        };
        let at = 0;
        let ended = 0;
        for (const [index, { gap, dueIn, canceledIn, priority }] of items.entries()) {
          at += gap;
          clock.after(at, () => {
            const canceled = new AbortController();
            if (canceledIn !== undefined) {
              clock.after(canceledIn, () => {
                canceled.abort();
              });
            }
            const due = dueIn === undefined ? {} : { due: clock.now() + dueIn };
            const count = (): void => {
              ended += 1;
            };
            batcher.submit(index, { priority, canceled: canceled.signal, ...due }).then(count, count);
          });
        }
        await clock.run();
        expect(ended).toBe(items.length);
        expect(batcher.waiting).toBe(0);
        expect(runner.idle).toBe(streams);
        // And then one more.
        const last = batcher.submit(items.length);
        await clock.run();
        await expect(last).resolves.toMatchObject({ batchSize: 1 });
      }),
    );
  });

  it('the measure of how busy the streams are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), history, (streams, pieces) => {
        let now = 0;
        const meter = new LoadMeter(streams, () => now);
        const shares: number[] = [];
        for (const { size, comes, which } of pieces) {
          now += size * 100;
          // A solo stream counts for all of them.
          const share = which % 2 === 0 ? 1 : streams;
          if (comes && sum(shares) + share <= streams) {
            shares.push(share);
            meter.begin(share);
          } else if (shares.length > 0) meter.end(shares.shift() ?? 0);
        }
        for (const share of shares) meter.end(share);
        meter.take();
        now += 1000;
        expect(meter.take()).toBe(0);
      }),
    );
  });

  it('the memory for uploads', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1e9 }), history, (bytes, pieces) => {
        const budget = new UploadBudget(bytes);
        const held: { readonly client: string; readonly bytes: number; readonly giveBack: () => void }[] = [];
        for (const { size, comes, which } of pieces) {
          if (!comes) {
            held.splice(which % Math.max(1, held.length), 1).forEach(({ giveBack }) => {
              giveBack();
              giveBack();
            });
            continue;
          }
          const client = String(which % 4);
          const amount = size * bytes;
          const wanted = Math.ceil(amount);
          try {
            held.push({ client, bytes: wanted, giveBack: budget.take(amount, client) });
          } catch {
            // Refused only where it does not fit, or where its client has another and would have over half.
            const own = sum(held.filter((each) => each.client === client).map((each) => each.bytes));
            const left = bytes - sum(held.map((each) => each.bytes));
            expect(wanted > left || (own > 0 && own + wanted > bytes / 2)).toBe(true);
          }
        }
        for (const { giveBack } of held) giveBack();
        budget.take(bytes, 'last')();
      }),
    );
  });

  it('the buffers for bodies, nor gives one to two', () => {
    fc.assert(
      fc.property(history, (pieces) => {
        const buffers = new BodyBuffers(4_000_000);
        const held: ReturnType<BodyBuffers['lend']>[] = [];
        for (const { size, comes, which } of pieces) {
          if (!comes) {
            held.splice(which % Math.max(1, held.length), 1).forEach(({ giveBack }) => {
              giveBack();
            });
            continue;
          }
          const lease = buffers.lend(Math.ceil(size * 300_000));
          expect(held.some(({ buffer }) => buffer.buffer === lease.buffer.buffer)).toBe(false);
          held.push(lease);
        }
      }),
    );
  });
});
