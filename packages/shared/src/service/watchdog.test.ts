import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { leakFactor, Watchdog, type WatchedPlace } from './watchdog.js';

const limitMs = 10_000;

/** A watchdog whose time passes in steps of a second, in each of which it looks. */
function setUp() {
  let now = 0;
  const watchdog = new Watchdog(() => now);
  onTestFinished(() => {
    watchdog.stop();
  });
  const told: string[] = [];
  const place = watchdog.watch({ name: 'pictures', limitMs, onStalled: (reason) => told.push(reason) });
  return {
    watchdog,
    place,
    told,
    pass: (ms: number) => {
      for (const end = now + ms; now < end;) {
        now += 1000;
        watchdog.check();
      }
    },
    freeze: (ms: number) => {
      now += ms;
      watchdog.check();
    },
  };
}

it('says once that nothing moves, with what is held, and takes it back when something does', () => {
  const { watchdog, place, told, pass } = setUp();
  const leave = place.enter();
  pass(4000);
  place.enter();
  pass(5000);
  expect(watchdog.reasons).toEqual([]);
  pass(60_000);
  expect(told).toEqual(['pictures do not move: 2 held, the oldest for 10 s, none has ended for 10 s']);
  expect(watchdog.reasons).toEqual(told);
  leave();
  expect(watchdog.reasons).toEqual([]);
  pass(limitMs);
  expect(told).toHaveLength(2);
});

it('finds a piece that was lost while others pass', () => {
  const { place, told, pass } = setUp();
  place.enter();
  for (let seconds = 0; seconds < (leakFactor * limitMs) / 1000; seconds += 1) {
    expect(told).toEqual([]);
    const leave = place.enter();
    pass(1000);
    leave();
    leave();
  }
  pass(1000);
  expect(told).toHaveLength(1);
});

it('does not count the time for which the process stood still', () => {
  const { place, told, pass, freeze } = setUp();
  place.enter();
  pass(5000);
  freeze(3_600_000);
  pass(2000);
  expect(told).toEqual([]);
  pass(1000);
  expect(told).toHaveLength(1);
});

it('watches work until it has settled, however that ends', async () => {
  const { place, told, pass } = setUp();
  await expect(place.during(() => Promise.resolve(1))).resolves.toBe(1);
  await expect(place.during(() => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
  pass(100_000);
  expect(told).toEqual([]);
  place.enter();
  place.close();
  pass(100_000);
  expect(told).toEqual([]);
});

it('never takes a place for stalled in which each piece is done in less than the limit', () => {
  const work = fc.record({ gap: fc.nat(20), takes: fc.nat(limitMs / 1000 - 1) });
  fc.assert(
    fc.property(fc.array(work, { maxLength: 40 }), (pieces) => {
      let now = 0;
      const told: string[] = [];
      const watchdog = new Watchdog(() => now * 1000);
      const place = watchdog.watch({ name: 'pieces', limitMs, onStalled: (reason) => told.push(reason) });
      const leaving = new Map<number, ReturnType<WatchedPlace['enter']>[]>();
      const pass = (seconds: number): void => {
        for (; seconds > 0; seconds -= 1) {
          now += 1;
          for (const leave of leaving.get(now) ?? []) leave();
          watchdog.check();
        }
      };
      for (const { gap, takes } of pieces) {
        pass(gap);
        const end = now + takes + 1;
        leaving.set(end, [...(leaving.get(end) ?? []), place.enter()]);
      }
      pass(limitMs / 1000);
      watchdog.stop();
      expect(told).toEqual([]);
    }),
  );
});
