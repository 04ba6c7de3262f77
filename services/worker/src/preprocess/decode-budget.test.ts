import { afterEach, describe, expect, it, vi } from 'vitest';
import { DecodeBudget } from './decode-budget.js';

afterEach(() => {
  vi.useRealTimers();
});

/** Work that runs until it is told to end. */
function piece(budget: DecodeBudget, bytes: number) {
  let finish = (): void => undefined;
  let started = false;
  const until = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const ended = budget.run(bytes, () => {
    started = true;
    return until;
  });
  ended.catch(() => undefined);
  return { ended, finish, started: () => started };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// Random histories: test/stalls/histories.test.ts.
describe('DecodeBudget', () => {
  it('lets a large picture run once pictures are done whose bytes do not add up to nothing', async () => {
    const budget = new DecodeBudget(120, 1000);
    const small = [0.1, 0.2, 0.3].map((bytes) => piece(budget, bytes));
    await settled();
    // In this order: 0.1 + 0.2 + 0.3 − 0.1 − 0.2 − 0.3 is 2.8e-17.
    for (const { ended, finish } of small) {
      finish();
      await ended;
    }
    const large = piece(budget, 121);
    await settled();
    expect(large.started()).toBe(true);
  });

  it('turns away what has waited too long, and goes on with those behind it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const budget = new DecodeBudget(100, 1000);
    const running = piece(budget, 60);
    const large = piece(budget, 90);
    vi.advanceTimersByTime(500);
    const small = piece(budget, 30);
    await settled();
    expect([running, large, small].map((each) => each.started())).toEqual([true, false, false]);
    vi.advanceTimersByTime(500);
    await expect(large.ended).rejects.toMatchObject({ why: 'handed-back' });
    await settled();
    expect(small.started()).toBe(true);
    vi.advanceTimersByTime(10_000);
    running.finish();
    small.finish();
    await Promise.all([running.ended, small.ended]);
  });

  it('refuses what is no number of bytes, and counts nothing of it', async () => {
    const budget = new DecodeBudget(100, 1000);
    for (const bytes of [NaN, -1, Infinity]) {
      await expect(budget.run(bytes, () => Promise.resolve())).rejects.toThrow(RangeError);
    }
    await expect(budget.run(1000, () => Promise.resolve('run'))).resolves.toBe('run');
  });
});
