import type { Operations } from '@quintet/client';
import { expect, it } from 'vitest';
import { headlineOf } from './headline.js';

const worker = { id: 'w', model: { name: 'm' }, device: 'cpu', since: '', streams: 1, rate: 1 };
const healthy: Operations = {
  at: '2026-01-01T10:00:00.000Z',
  window_seconds: 60,
  throughput: { per_second: 0, succeeded: 0, failed: 0, canceled: 0, expired: 0, history: [] },
  queue: { depth: 0, max_depth: 100, by_model: [{ model: 'm', waiting: 0, active: 0 }] },
  latency_ms: {},
  workers: [worker],
  webhooks: { pending: 0, failed: 0 },
  redis: { used_bytes: 1 },
};
const live = (change: Partial<Operations>): string =>
  headlineOf({ kind: 'live', data: { ...healthy, ...change } }, String).text;
const waiting = (model: string, jobs: number): Partial<Operations> => ({
  queue: { depth: jobs, max_depth: 100, by_model: [{ model, waiting: jobs, active: 0 }] },
});

it('is quiet about what changes all the time', () => {
  expect([live({}), live({ at: 'later', ...waiting('m', 50) })]).toEqual(['Live', 'Live']);
});

it('says what keeps jobs from being done', () => {
  expect(live({ workers: [] })).toMatch(/No worker lives/);
  expect(live(waiting('m', 100))).toMatch(/Full: 100 jobs wait for m/);
  expect(live(waiting('other', 1))).toMatch(/No worker serves other/);
  expect(live({ redis: { used_bytes: 90, limit_bytes: 100 } })).toMatch(/Redis is nearly full/);
});

it('says of old numbers why, and from when they are', () => {
  const time = (): string => '11:00';
  const stale = { kind: 'stale', reason: 'The service cannot be reached.' } as const;
  expect(headlineOf({ ...stale, data: healthy }, time).text).toBe(
    'The service cannot be reached. The numbers are from 11:00. Trying again.',
  );
  expect(headlineOf({ ...stale, data: undefined }, time).text).toBe('The service cannot be reached. Trying again.');
});
