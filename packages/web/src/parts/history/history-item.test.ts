import { describe, expect, it } from 'vitest';
import { relativeTime } from './history-item.js';

const minute = 60_000;
const day = 24 * 60 * minute;

describe('relativeTime', () => {
  it.each([
    [0, 'just now'],
    [-5 * day, 'just now'],
    [minute - 1, 'just now'],
    [minute, '1 minute ago'],
    [59.9 * minute, '59 minutes ago'],
    [60 * minute, '1 hour ago'],
    [day, 'yesterday'],
    [6.9 * day, '6 days ago'],
    [7 * day, 'last week'],
    [40 * day, 'last month'],
    [800 * day, '2 years ago'],
  ])('of %d ms is "%s"', (ago, text) => {
    const now = Date.UTC(2026, 0, 1);
    expect(relativeTime(now - ago, now)).toBe(text);
  });
});
