import { describe, expect, it } from 'vitest';
import { MemoryGuard } from './memory-guard.js';

const full = { code: 'storage_full', status: 503, headers: { 'Retry-After': '5' } };

describe('MemoryGuard', () => {
  it('lets submissions fill their part, counting what it let in since it looked', async () => {
    let now = 0;
    let looks = 0;
    const memory = { used: 700, limit: 1000 };
    const guard = new MemoryGuard({ part: 0.85, memory: () => (looks++, Promise.resolve(memory)), now: () => now });
    await guard.check(100);
    await guard.check(50);
    await expect(guard.check(1)).rejects.toMatchObject(full);
    expect(looks).toBe(1);
    now = 501;
    await guard.check(150);
    expect(looks).toBe(2);
  });

  it('has nothing to say where Redis has no limit', async () => {
    const guard = new MemoryGuard({ part: 0.85, memory: () => Promise.resolve({ used: 1e12, limit: 0 }) });
    await guard.check(1e12);
  });
});
