import { ProblemError } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { Admission, retryAfterSeconds } from './admission.js';

const admission = (depth: number, maxDepth: number) =>
  new Admission({
    maxDepth,
    waiting: () => Promise.resolve(depth),
    rateOf: (model) => Promise.resolve(model === 'resnet50' ? 10 : 1000),
  });

describe('Admission', () => {
  it('counts what it let in since the last look', async () => {
    const door = admission(7, 10);
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => door.admit('resnet50')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  it('says when to come back, by the rate at which the queue of that model is drained', async () => {
    const refusal: unknown = await admission(109, 10)
      .admit('resnet50')
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ProblemError);
    expect(refusal).toMatchObject({ code: 'queue_full', headers: { 'Retry-After': '10' } });
  });
});

describe('refuseFull', () => {
  it('refuses where no model has room, takes no place, and lets through what may be for one that has', async () => {
    const depths: Record<string, number> = { full: 10, free: 9 };
    const door = new Admission({
      maxDepth: 10,
      waiting: (model) => Promise.resolve(depths[model] ?? 0),
      rateOf: () => Promise.resolve(0),
    });
    await door.refuseFull(['free']);
    await door.refuseFull(['full', 'free']);
    await door.refuseFull([]);
    await expect(door.refuseFull(['full'])).rejects.toMatchObject({ code: 'queue_full' });
    await door.admit('free');
    await expect(door.refuseFull(['full', 'free'])).rejects.toMatchObject({ code: 'queue_full' });
  });
});

describe('retryAfterSeconds', () => {
  it('stays between 1 and 60', () => {
    expect(retryAfterSeconds(1, 100)).toBe(1);
    expect(retryAfterSeconds(100, 10)).toBe(10);
    expect(retryAfterSeconds(1e9, 5)).toBe(60);
    expect(retryAfterSeconds(1, 0)).toBe(60);
  });
});
