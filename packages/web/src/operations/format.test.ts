import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatDuration, formatMilliseconds, formatRate, formatShare } from './format.js';

describe('numbers', () => {
  it('are rates', () => {
    expect([0, 0.01, 0.26, 12.44, 99.96, 240.2].map(formatRate)).toEqual(['0', '<0.1', '0.3', '12.4', '100', '240']);
  });

  it('are counts and shares', () => {
    expect(formatCount(10_000)).toBe('10,000');
    expect([0, 0.499, 1].map(formatShare)).toEqual(['0 %', '50 %', '100 %']);
  });

  it('are latencies', () => {
    expect([0.12, 9.94, 9.96, 62.3, 999.6, 1449, 12_300, 200_000].map(formatMilliseconds)).toEqual([
      ...['0.1 ms', '9.9 ms', '10 ms', '62 ms', '1.0 s', '1.4 s', '12 s', '3 min'],
    ]);
  });

  it('are times', () => {
    const seconds = [-5, 0, 99.4, 100, 3599, 3600, 7500, 86_400, 356_400];
    expect(seconds.map(formatDuration)).toEqual([
      ...['0 s', '0 s', '99 s', '2 min', '1 h', '1 h', '2 h 5 min', '1 d', '4 d 3 h'],
    ]);
  });

  it('are bytes', () => {
    const bytes = [900, 812 * 1024, 42.4 * 2 ** 20, 2 ** 30, 1.5 * 2 ** 30, 2 ** 40];
    expect(bytes.map(formatBytes)).toEqual(['0.9 kiB', '812 kiB', '42 MiB', '1 GiB', '1.5 GiB', '1 TiB']);
  });
});
