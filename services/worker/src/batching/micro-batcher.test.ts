import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MicroBatcher, deadlineMarginMs, priorityStepMs, type SubmitOptions } from './micro-batcher.js';
import { SimulatedClock, SimulatedStreams } from './simulation.test-support.js';

interface Arrival extends SubmitOptions {
  readonly at: number;
}

type End = { readonly at: number } & (
  | { readonly kind: 'answered'; readonly batchSize: number; readonly waitMs: number }
  | { readonly kind: 'rejected'; readonly error: unknown }
);

/** A core: twice the images take twice the time. */
const onCpu = (size: number): number => 50 * size;
/** A GPU: the launch costs most. */
const onGpu = (size: number): number => 3 + 0.1 * size;

interface Machine {
  readonly streams?: number;
  readonly maxBatch?: number;
  readonly latency?: (size: number) => number;
  readonly poison?: ReadonlySet<number>;
}

/** Plays `arrivals` (their index is the item) and tells how each ended; `check` runs after every event. */
async function play(
  arrivals: readonly Arrival[],
  { streams = 1, maxBatch = 4, latency = onCpu, poison = new Set() }: Machine = {},
  check: (batcher: MicroBatcher<number, number>, machine: SimulatedStreams, now: number) => void = () => undefined,
) {
  const clock = new SimulatedClock();
  const machine = new SimulatedStreams(clock, streams, maxBatch, latency, poison);
  const batcher = new MicroBatcher(machine, clock);
  machine.onIdle = () => {
    batcher.dispatch();
  };
  const ends = arrivals.map(() => [] as End[]);
  for (const [item, { at, ...options }] of arrivals.entries()) {
    clock.after(at, () => {
      batcher.submit(item, options).then(
        ({ batchSize, waitMs }) => ends[item]?.push({ kind: 'answered', at: clock.now(), batchSize, waitMs }),
        (error: unknown) => ends[item]?.push({ kind: 'rejected', at: clock.now(), error }),
      );
    });
  }
  await clock.run(() => {
    check(batcher, machine, clock.now());
  });
  for (const end of ends) expect(end).toHaveLength(1);
  return { runs: machine.runs, ends: ends.flat(), batches: machine.runs.map(({ items }) => items) };
}

const arrivals = fc.array(
  fc.record({
    gap: fc.double({ min: 0, max: 60, noNaN: true }),
    due: fc.option(fc.double({ min: 0, max: 600, noNaN: true }), { nil: undefined }),
    priority: fc.integer({ min: 0, max: 10 }),
  }),
  { maxLength: 40 },
);
type Generated = typeof arrivals extends fc.Arbitrary<infer A> ? A : never;

function timeline(generated: Generated): Arrival[] {
  let at = 0;
  return generated.map(({ gap, due, priority }) => {
    at += gap;
    return { at, priority, ...(due === undefined ? {} : { due: at + due }) };
  });
}

const machines = fc.record({
  streams: fc.integer({ min: 1, max: 3 }),
  maxBatch: fc.integer({ min: 1, max: 8 }),
  latency: fc
    .record({ base: fc.double({ min: 0.5, max: 40, noNaN: true }), each: fc.double({ min: 0, max: 20, noNaN: true }) })
    .map(
      ({ base, each }) =>
        (size: number) =>
          base + each * size,
    ),
});

describe('MicroBatcher', () => {
  it('starts at once what an idle stream can take', async () => {
    const { ends } = await play([{ at: 0 }]);
    expect(ends).toMatchObject([{ kind: 'answered', at: 50, batchSize: 1, waitMs: 0 }]);
  });

  it('batches what came while the stream was busy, in order, and tells how long it waited', async () => {
    const { batches, ends } = await play(
      [0, 10, 20, 30, 40].map((at) => ({ at })),
      { maxBatch: 3 },
    );
    expect(batches).toEqual([[0], [1, 2, 3], [4]]);
    expect(ends).toMatchObject([{ waitMs: 0 }, { waitMs: 40 }, { waitMs: 30 }, { waitMs: 20 }, { waitMs: 160 }]);
  });

  it('lets idle streams share what waits', async () => {
    // Both items of a moment run at once, on a stream each.
    const { runs } = await play([{ at: 0 }, { at: 0 }], { streams: 2 });
    expect(runs.map(({ items, started }) => [items, started])).toEqual([
      [[0], 0],
      [[1], 0],
    ]);
  });

  it('never holds a batch on a device where batches gain nothing', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 3 }), async (generated, streams) => {
        await play(timeline(generated), { streams }, (batcher, machine) => {
          expect(machine.idle === 0 || batcher.waiting === 0).toBe(true);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('holds a batch for company where that lowers the mean latency, and only while items come fast', async () => {
    const fast = await play(
      Array.from({ length: 200 }, (_, index) => ({ at: index * 0.5 })),
      { maxBatch: 32, latency: onGpu },
    );
    const slow = await play(
      Array.from({ length: 20 }, (_, index) => ({ at: index * 10 })),
      { maxBatch: 32, latency: onGpu },
    );
    expect(slow.batches.every((batch) => batch.length === 1)).toBe(true);
    expect(slow.ends).toMatchObject(slow.ends.map(() => ({ waitMs: 0 })));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(fast.batches.map(({ length }) => length))).toBeGreaterThan(4);
    // No item waits longer than the batch before it takes, plus the hold.
    expect(Math.max(...fast.ends.map((end) => (end.kind === 'answered' ? end.waitMs : Infinity)))).toBeLessThan(8);
  });

  it('lets a held batch leave in time for its deadline', async () => {
    const steady = Array.from({ length: 20 }, (_, index) => ({ at: index * 0.3 }));
    const { ends } = await play([...steady, { at: 6.1, due: 6.1 + onGpu(2) + deadlineMarginMs }], {
      maxBatch: 64,
      latency: onGpu,
    });
    expect(ends[20]?.kind).toBe('answered');
  });

  it('expires without running it what can no longer be in time, and says so as soon as that is certain', async () => {
    const { batches, ends } = await play([{ at: 0 }, { at: 1, due: 80 }, { at: 2, due: 101 }, { at: 3, due: 40 }], {
      maxBatch: 1,
    });
    expect(batches).toEqual([[0], [2]]);
    expect(ends.map(({ kind }) => kind)).toEqual(['answered', 'rejected', 'answered', 'rejected']);
    expect(ends[1]).toMatchObject({ error: { why: 'late' } });
    expect(ends[1]?.at).toBeCloseTo(31, 5);
    expect(ends[3]?.at).toBe(3);
  });

  it('makes a batch smaller where its size would cost a deadline', async () => {
    const { batches, ends } = await play([{ at: 0 }, { at: 1, due: 160 }, { at: 2 }, { at: 3 }], { maxBatch: 4 });
    expect(batches).toEqual([[0], [1, 2], [3]]);
    expect(ends.every(({ kind }) => kind === 'answered')).toBe(true);
  });

  it('rejects only the item that makes its batch fail', async () => {
    const { batches, ends } = await play(
      [0, 1, 2, 3].map((at) => ({ at })),
      { poison: new Set([2]) },
    );
    expect(batches).toEqual([[0], [1, 2, 3], [1], [2], [3]]);
    expect(ends.map(({ kind }) => kind)).toEqual(['answered', 'answered', 'rejected', 'answered']);
  });

  it('hands back what waits when abandoned, and finishes what runs', async () => {
    const clock = new SimulatedClock();
    const batcher = new MicroBatcher(new SimulatedStreams(clock, 1, 1, onCpu), clock);
    const running = batcher.submit(1);
    const waiting = batcher.submit(2, { due: 1000 });
    batcher.abandon();
    await expect(waiting).rejects.toMatchObject({ why: 'handed-back' });
    await expect(batcher.submit(3)).rejects.toMatchObject({ why: 'handed-back' });
    await clock.run();
    expect((await running).result).toBe(1);
  });

  it('takes out what is canceled while it waits, and lets what runs run', async () => {
    const clock = new SimulatedClock();
    const machine = new SimulatedStreams(clock, 1, 1, onCpu);
    const batcher = new MicroBatcher(machine, clock);
    machine.onIdle = () => {
      batcher.dispatch();
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const running = batcher.submit(1, { canceled: first.signal });
    const waiting = batcher.submit(2, { canceled: second.signal });
    const next = batcher.submit(3);
    expect(batcher.waiting).toBe(2);
    first.abort();
    second.abort();
    expect(batcher.waiting).toBe(1);
    await expect(waiting).rejects.toMatchObject({ why: 'canceled' });
    await expect(batcher.submit(4, { canceled: second.signal })).rejects.toMatchObject({ why: 'canceled' });
    await clock.run();
    expect([(await running).result, (await next).result]).toEqual([1, 3]);
    expect(machine.runs.map(({ items }) => items)).toEqual([[1], [3]]);
  });

  it('does not run what is canceled again after its batch has failed', async () => {
    const clock = new SimulatedClock();
    const machine = new SimulatedStreams(clock, 1, 4, onCpu, new Set([3]));
    const batcher = new MicroBatcher(machine, clock);
    machine.onIdle = () => {
      batcher.dispatch();
    };
    const cancel = new AbortController();
    const answers = Promise.allSettled([
      batcher.submit(1),
      batcher.submit(2, { canceled: cancel.signal }),
      batcher.submit(3),
    ]);
    clock.after(60, () => {
      cancel.abort();
    });
    await clock.run();
    expect((await answers).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(machine.runs.map(({ items }) => items)).toEqual([[1], [2, 3], [3]]);
  });

  it('keeps order within a priority, passes nobody for ever, and misses no deadline that it could meet', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, machines, async (generated, machine) => {
        const plan = timeline(generated);
        const { runs, ends } = await play(plan, machine, (batcher, { idle }) => {
          // A hold is on the last idle stream, of less than a full batch; how long, the next lines see.
          if (idle > 0 && batcher.waiting > 0) expect([idle, batcher.waiting < machine.maxBatch]).toEqual([1, true]);
        });
        const started = new Map(runs.flatMap(({ items, started }) => items.map((item) => [item, started] as const)));
        for (const [item, end] of ends.entries()) {
          const { at, due = Infinity } = plan[item] ?? { at: 0 };
          if (end.kind === 'answered') {
            expect(end.at).toBeLessThanOrEqual(due + 1e-6);
            continue;
          }
          // Expired: it was too late for a batch of one, and it had not been so for longer than a timer takes.
          expect(end.error).toMatchObject({ why: 'late' });
          expect(started.has(item)).toBe(false);
          expect(end.at + machine.latency(1)).toBeGreaterThan(due);
          // Nor was a stream idle for it before: every stream was busy with what came before it.
          const last = Math.max(at, due - machine.latency(1));
          for (const run of runs.filter((other) => other.started > at && other.started < last)) {
            const rank = rankOf(plan[item]);
            expect(run.items.some((other) => rankOf(plan[other]) <= rank)).toBe(true);
          }
        }
        for (const [first, a] of plan.entries()) {
          for (const [second, b] of plan.entries()) {
            const [startA, startB] = [started.get(first), started.get(second)];
            if (startA === undefined || startB === undefined) continue;
            const inOrder = a.priority === b.priority && (a.at < b.at || (a.at === b.at && first < second));
            // Whoever comes later than another's rank goes after it, whatever its own priority.
            if (inOrder || b.at > rankOf(a)) expect(startA).toBeLessThanOrEqual(startB);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('answers everything once although batches fail', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, machines, fc.uniqueArray(fc.nat(39)), async (generated, machine, poison) => {
        const plan = timeline(generated).map(({ at, priority }) => ({ at, priority: priority ?? 0 }));
        const { ends } = await play(plan, { ...machine, poison: new Set(poison) });
        expect(ends.map(({ kind }) => kind)).toEqual(
          plan.map((_, item) => (poison.includes(item) ? 'rejected' : 'answered')),
        );
      }),
      { numRuns: 100 },
    );
  });
});

function rankOf(arrival: Arrival | undefined): number {
  return (arrival?.at ?? 0) + (arrival?.priority ?? 0) * priorityStepMs;
}
