import { describe, expect, it } from 'vitest';
import { UploadBudget } from './upload-budget.js';

describe('UploadBudget', () => {
  it('refuses what does not fit, until something is given back, once', () => {
    const budget = new UploadBudget(100);
    const giveBack = budget.take(60);
    budget.take(40);
    expect(() => budget.take(1)).toThrow(expect.objectContaining({ code: 'uploads_busy' }) as Error);
    giveBack();
    giveBack();
    budget.take(60);
    expect(() => budget.take(1)).toThrow('Too many uploads');
  });
});
