import { describe, expect, it } from 'vitest';
import { AdaptiveWindow, saturatingConcurrency } from './adaptive-window.js';
import type { ModelList } from './types.js';

describe('the window', () => {
  it('halves once for what one full queue refuses, and grows back by one place a window', () => {
    let now = 0;
    const window = new AdaptiveWindow(32, () => now);
    for (let refusal = 0; refusal < 20; refusal += 1) window.refused();
    expect(window.size).toBe(16);
    now = 1500;
    window.refused();
    expect(window.size).toBe(8);
    for (let success = 0; success < 9; success += 1) window.succeeded();
    expect(window.size).toBe(9);
    for (let success = 0; success < 5000; success += 1) window.succeeded();
    expect(window.size).toBe(32);
  });

  it('never closes, and follows the workers', () => {
    let now = 0;
    const window = new AdaptiveWindow(8, () => (now += 2000));
    for (let refusal = 0; refusal < 20; refusal += 1) window.refused();
    expect(window.size).toBe(1);
    const open = new AdaptiveWindow(8, () => now);
    open.resize(64);
    expect(open.size).toBe(64);
    open.resize(16);
    expect(open.size).toBe(16);
  });
});

describe('what keeps the workers busy', () => {
  const worker = { id: 'w', device: 'cpu', since: '2026-01-01T00:00:00Z', streams: 2, max_batch_size: 2 };
  const list: ModelList = {
    default: 'a',
    models: [
      { name: 'a', explainable: true, workers: [worker, worker] },
      { name: 'b', explainable: true, workers: [{ ...worker, streams: 8, max_batch_size: 64 }] },
      { name: 'c', explainable: true, workers: [] },
    ],
  };
  it('is eight times what they hold at once, within bounds', () => {
    expect(saturatingConcurrency(list)).toBe(64);
    expect(saturatingConcurrency(list, 'b')).toBe(256);
    expect(saturatingConcurrency(list, 'c')).toBe(8);
    expect(saturatingConcurrency(list, 'unknown')).toBe(8);
  });
});
