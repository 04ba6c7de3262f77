import { expect, it } from 'vitest';
import { duration, progressLine } from './progress.js';

it('shows how far it is, how fast, and how long it takes', () => {
  const line = progressLine({ done: 33, failed: 2, total: 66, seconds: 3, note: 'waiting: queue_full' });
  expect(line).toBe(`${'█'.repeat(12)}${' '.repeat(12)} 33/66  11/s  3 s left  2 failed  waiting: queue_full`);
  expect(progressLine({ done: 66, failed: 0, total: 66, seconds: 60 })).toBe(`${'█'.repeat(24)} 66/66  1.1/s`);
  expect(progressLine({ done: 5, failed: 0, total: undefined, seconds: 0 })).toBe('5  0.0/s');
  expect(progressLine({ done: 0, failed: 0, total: 0, seconds: 0 })).toContain('0/0');
});

it('says seconds as people do', () => {
  expect([4.4, 200, 7500].map(duration)).toEqual(['4 s', '3 min 20 s', '2 h 5 min']);
});
