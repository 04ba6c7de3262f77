import { expect, it } from 'vitest';
import { areaPath, linePath, niceMax } from './throughput-panel.js';

const frame = { width: 100, height: 50, max: 10 };

it('draws from edge to edge, up to the frame and not beyond', () => {
  expect(linePath([0, 5, 20], frame)).toBe('M0 50L50 25L100 0');
  expect(areaPath([0, 5, 20], frame)).toBe('M0 50L0 50L50 25L100 0L100 50Z');
  expect(linePath([1], frame)).toBe('M0 45');
});

it('scales to round numbers', () => {
  expect([0, NaN, 0.07, 0.2, 1, 1.01, 4.2, 5, 18, 60, 240].map(niceMax)).toEqual([
    ...[1, 1, 0.08, 0.2, 1, 2, 6, 6, 20, 60, 300],
  ]);
});
