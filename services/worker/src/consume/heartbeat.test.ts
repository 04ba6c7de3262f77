import { describe, expect, it } from 'vitest';
import { RateMeter } from './heartbeat.js';

/** A worker of two streams, each of which takes `ms` for an order; `jobs` of them come `gap` ms apart, and it takes any number. */
function play(meter: RateMeter, clock: { now: number }, jobs: number, gap: number, ms = 100): void {
  const events: { at: number; act: () => void }[] = [];
  const streams = [clock.now, clock.now];
  for (let job = 0; job < jobs; job += 1) {
    const at = clock.now + job * gap;
    streams.sort((a, b) => a - b);
    const end = Math.max(at, streams[0] ?? 0) + ms;
    streams[0] = end;
    const begin = (): void => {
      meter.begin();
    };
    const finish = (): void => {
      meter.end(true);
    };
    events.push({ at, act: begin }, { at: end, act: finish });
  }
  for (const { at, act } of events.sort((a, b) => a.at - b.at)) {
    clock.now = at;
    act();
  }
}

const meterOf = (promised?: number) => {
  const clock = { now: 0 };
  return { clock, meter: new RateMeter({ full: 4, fed: 2 }, promised, () => clock.now) };
};

describe('RateMeter', () => {
  it('says what the measurement at start promised until it knows better, and nothing without one', () => {
    expect(meterOf(19).meter.rate()).toBe(19);
    expect(meterOf().meter.rate()).toBe(0);
  });

  it('measures what a full worker gets done, whatever was promised', () => {
    const { clock, meter } = meterOf(50);
    play(meter, clock, 100, 0);
    expect(meter.rate()).toBeCloseTo(20, 0);
  });

  it('does not take a worker with little to do for a slow one', () => {
    const { clock, meter } = meterOf(20);
    play(meter, clock, 10, 3000);
    expect(meter.rate()).toBe(20);
    const unmeasured = meterOf();
    play(unmeasured.meter, unmeasured.clock, 10, 3000);
    // At least what it does for one picture at a time.
    expect(unmeasured.meter.rate()).toBeCloseTo(10, 5);
  });

  it('does not take a few pictures at once for all that it can do', () => {
    for (const few of [2, 3, 4, 8]) {
      const { clock, meter } = meterOf(20);
      for (let burst = 0; burst < 40; burst += 1) {
        play(meter, clock, few, 0);
        clock.now += 2000;
        expect(meter.rate(), `${few} at once`).toBeGreaterThanOrEqual(20);
      }
      expect(meter.rate()).toBeLessThan(21);
    }
  });

  it('believes the measurement at start until the worker was full for two seconds, in one stretch or in many', () => {
    const { clock, meter } = meterOf(50);
    play(meter, clock, 30, 0);
    expect(meter.rate()).toBe(50);
    play(meter, clock, 30, 0);
    expect(meter.rate()).toBeCloseTo(20, 0);
  });

  it('keeps what it measured while it has little to do', () => {
    const { clock, meter } = meterOf(50);
    play(meter, clock, 100, 0);
    for (let visit = 0; visit < 50; visit += 1) {
      play(meter, clock, 2, 0, 400);
      expect(meter.rate()).toBeCloseTo(20, 0);
    }
  });

  it('counts what ends in batches for what it is', () => {
    const clock = { now: 0 };
    const meter = new RateMeter({ full: 16, fed: 8 }, 0, () => clock.now);
    for (let order = 0; order < 16; order += 1) meter.begin();
    for (let batch = 0; batch < 100; batch += 1) {
      clock.now += 200;
      for (let order = 0; order < 8; order += 1) meter.end(true);
      for (let order = 0; order < 8; order += 1) meter.begin();
    }
    expect(meter.rate()).toBeCloseTo(40, 0);
  });

  it('keeps what it knows while there is nothing to do, and follows when the worker becomes slower', () => {
    const { clock, meter } = meterOf();
    play(meter, clock, 100, 0);
    meter.rate();
    clock.now += 3_600_000;
    expect(meter.rate()).toBeCloseTo(20, 0);
    for (let beat = 0; beat < 20; beat += 1) {
      play(meter, clock, 40, 0, 200);
      meter.rate();
    }
    expect(meter.rate()).toBeGreaterThan(9);
    expect(meter.rate()).toBeLessThan(11);
  });

  it('does not count what was dropped', () => {
    const { clock, meter } = meterOf();
    meter.begin();
    meter.begin();
    clock.now = 1000;
    meter.end(false);
    meter.end(false);
    expect(meter.rate()).toBe(0);
  });
});
