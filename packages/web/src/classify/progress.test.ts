import { describe, expect, it } from 'vitest';
import { paceText } from './batch-bar.js';
import type { Item } from './item.js';
import { progressOf } from './progress.js';
import { makeItem, makeJob } from './testing/make.js';

const done = (id: string, doneAt: number): Item =>
  makeItem(id, { state: { kind: 'job', job: makeJob(id, { status: 'succeeded' }) }, doneAt });
const waiting = (id: string): Item => makeItem(id);

describe('progressOf', () => {
  it('counts what became of each', () => {
    const failed = makeItem('f', { state: { kind: 'job', job: makeJob('f', { status: 'expired' }) }, doneAt: 5 });
    const canceled = makeItem('c', { state: { kind: 'canceled' }, doneAt: 5 });
    const items = [done('a', 1000), failed, canceled, waiting('w')];
    expect(progressOf(items, 2000)).toMatchObject({ total: 4, done: 3, succeeded: 1, failed: 1, canceled: 1 });
  });

  it('goes by the last seconds, not by what was long ago', () => {
    const early = Array.from({ length: 50 }, (_, index) => done(`e${index}`, index));
    const late = Array.from({ length: 16 }, (_, index) => done(`l${index}`, 100_000 - index * 500));
    const { perSecond, secondsLeft } = progressOf([...early, ...late, waiting('w')], 100_000);
    expect(perSecond).toBe(2);
    expect(secondsLeft).toBe(0.5);
  });

  it('says nothing of a rate before two are done, and the rate of all at the end', () => {
    expect(progressOf([done('a', 10), waiting('w')], 20)).not.toHaveProperty('perSecond');
    expect(progressOf([done('a', 1000), done('b', 4000)], 90_000)).toMatchObject({ perSecond: 0.5, secondsLeft: 0 });
  });
});

describe('paceText', () => {
  it.each([
    [
      { total: 66, done: 12, succeeded: 12, failed: 0, canceled: 0, perSecond: 9.8, secondsLeft: 5.5 },
      '9.8 per second · about 5.5 s left',
    ],
    [
      { total: 66, done: 66, succeeded: 64, failed: 2, canceled: 0, perSecond: 19.2, secondsLeft: 0 },
      '64 done · 2 failed · 19 per second',
    ],
    [{ total: 2, done: 0, succeeded: 0, failed: 0, canceled: 0 }, 'Beginning'],
  ])('%o', (progress, text) => {
    expect(paceText(progress)).toBe(text);
  });

  it('has neither pace nor end while the service does not answer', () => {
    const progress = { total: 66, done: 12, succeeded: 11, failed: 1, canceled: 0, perSecond: 9.8, secondsLeft: 5.5 };
    expect(paceText(progress, 12)).toBe('1 failed · no answer for 12 s');
    expect(paceText({ ...progress, done: 66 }, 12)).toBe('11 done · 1 failed · 9.8 per second');
  });
});
