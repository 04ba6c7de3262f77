import { describe, expect, it } from 'vitest';
import { UploadBudget } from './upload-budget.js';

describe('UploadBudget', () => {
  it('refuses what does not fit, until something is given back, once', () => {
    const budget = new UploadBudget(100);
    const giveBack = budget.take(60, 'a');
    budget.take(40, 'b');
    expect(() => budget.take(1, 'c')).toThrow(expect.objectContaining({ code: 'uploads_busy' }) as Error);
    giveBack();
    giveBack();
    budget.take(60, 'c');
    expect(() => budget.take(1, 'd')).toThrow('Too many uploads');
  });

  it('gives one client half of it, or one upload', () => {
    const budget = new UploadBudget(100);
    const first = budget.take(30, 'slow');
    budget.take(20, 'slow');
    expect(() => budget.take(1, 'slow')).toThrow('Too many uploads');
    budget.take(40, 'other');
    first();
    budget.take(10, 'slow');
    const large = new UploadBudget(100);
    large.take(90, 'slow');
    expect(() => large.take(1, 'slow')).toThrow('Too many uploads');
    large.take(10, 'other');
  });
});
