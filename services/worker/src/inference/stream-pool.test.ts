import { expect, it } from 'vitest';
import { LoadMeter } from './stream-pool.js';

const meterOf = (streams: number) => {
  const clock = { now: 5000 };
  return { clock, meter: new LoadMeter(streams, () => clock.now) };
};

it('is the share of the streams that ran since it was last asked for', () => {
  const { clock, meter } = meterOf(2);
  expect(meter.take()).toBe(0);
  meter.begin(1);
  clock.now += 600;
  meter.begin(1);
  clock.now += 200;
  meter.end(1);
  clock.now += 200;
  expect(meter.take()).toBeCloseTo((600 + 2 * 200 + 200) / 2000, 12);
  // A run that goes on counts as it goes.
  clock.now += 1000;
  expect(meter.take()).toBe(0.5);
  meter.end(1);
  clock.now += 1000;
  expect(meter.take()).toBe(0);
});

it('is all of them while a run has the whole machine, and never more', () => {
  const { clock, meter } = meterOf(2);
  meter.begin(2);
  clock.now += 500;
  meter.begin(1);
  clock.now += 500;
  meter.end(2);
  meter.end(1);
  expect(meter.take()).toBe(1);
});
