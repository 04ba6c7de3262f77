import { describe, expect, it } from 'vitest';
import type { WorkerPresence } from '@quintet/shared';
import { DrainRates, drainRate, etaSeconds, queuePlace } from './drain-rate.js';

describe('drainRate', () => {
  it('adds the workers up', () => {
    expect(drainRate([{ rate: 18.5 }, { rate: 0 }, { rate: 4 }])).toBe(22.5);
    expect(drainRate([])).toBe(0);
  });
});

describe('etaSeconds', () => {
  it('is the time until the job itself has ended, to two digits', () => {
    expect(etaSeconds(0, 10)).toBe(0.1);
    expect(etaSeconds(3, 30)).toBe(0.13);
    expect(etaSeconds(9999, 7)).toBe(1400);
  });

  it('is left out where no rate is known', () => {
    expect(etaSeconds(3, 0)).toBeUndefined();
    expect(queuePlace(3, 0)).toEqual({ position: 3 });
  });
});

const worker = (rate: number, more: Partial<WorkerPresence> = {}): WorkerPresence => ({
  id: 'w',
  model: { name: 'resnet50' },
  device: 'cpu',
  since: new Date(0).toISOString(),
  streams: 1,
  max_batch_size: 1,
  rate,
  ...more,
});

/** A queue whose waiting jobs a test sets: those of priority 0 first. */
function queueOf(workers: WorkerPresence[]) {
  const state = { now: 0, paused: false, wait: [] as string[], prioritized: [] as string[], workers };
  const rates = new DrainRates({
    front: (_model, former) => {
      const id = state.wait[0] ?? state.prioritized[0];
      const formerWaits = former !== undefined && (id === former || state.prioritized.includes(former));
      return Promise.resolve({ paused: state.paused, id, formerWaits });
    },
    workers: () => Promise.resolve(state.workers),
    now: () => state.now,
  });
  return { state, rate: () => rates.of('resnet50') };
}

describe('DrainRates', () => {
  it('is what the workers of the model do together while its jobs are taken', async () => {
    const { state, rate } = queueOf([worker(10), worker(5), worker(1000, { model: { name: 'other' } })]);
    for (let step = 0; step < 100; step += 1) {
      state.wait = [`job-${step}`, `job-${step + 1}`];
      expect(await rate()).toBe(15);
      state.now += 1000;
    }
    state.wait = [];
    state.now += 3_600_000;
    expect(await rate()).toBe(15);
  });

  it('is 0 where the queue is paused or no worker lives', async () => {
    const { state, rate } = queueOf([worker(10)]);
    state.wait = ['a'];
    state.paused = true;
    expect(await rate()).toBe(0);
    state.now += 1000;
    state.paused = false;
    expect(await rate()).toBe(10);
    state.now += 1000;
    state.workers = [];
    expect(await rate()).toBe(0);
  });

  it('is 0 where nobody takes the job at the front, until somebody does', async () => {
    const { state, rate } = queueOf([worker(10)]);
    state.wait = ['a', 'b'];
    expect(await rate()).toBe(10);
    state.now = 9000;
    expect(await rate()).toBe(10);
    state.now = 11_000;
    state.wait = ['a', 'b', 'c'];
    expect(await rate()).toBe(0);
    state.now = 12_000;
    state.wait = ['b', 'c'];
    expect(await rate()).toBe(10);
    state.now = 23_000;
    expect(await rate()).toBe(0);
    // The worker is gone, and another comes: it has its time.
    state.workers = [];
    state.now = 24_000;
    expect(await rate()).toBe(0);
    state.workers = [worker(7)];
    state.now = 25_000;
    expect(await rate()).toBe(7);
  });

  it('takes a job that is put before the one at the front for no sign that the queue moves', async () => {
    const { state, rate } = queueOf([worker(10)]);
    state.prioritized = ['p'];
    expect(await rate()).toBe(10);
    state.now = 6000;
    state.wait = ['new'];
    expect(await rate()).toBe(10);
    state.now = 11_000;
    expect(await rate()).toBe(0);
    // It is taken: so the queue moves, though what was there before waits still.
    state.now = 12_000;
    state.wait = [];
    expect(await rate()).toBe(10);
  });

  it('is patient with workers that hold much and are slow', async () => {
    const { state, rate } = queueOf([worker(1, { streams: 2, max_batch_size: 4 })]);
    state.wait = ['a'];
    expect(await rate()).toBe(1);
    state.now = 47_000;
    expect(await rate()).toBe(1);
    state.now = 49_000;
    expect(await rate()).toBe(0);
  });
});
