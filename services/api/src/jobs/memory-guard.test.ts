import { describe, expect, it } from 'vitest';
import { MemoryGuard } from './memory-guard.js';

/** What a job takes beside its picture. */
const perJob = 4096;

const full = { code: 'storage_full', status: 503, headers: { 'Retry-After': '5' } };

describe('MemoryGuard', () => {
  it('lets submissions fill their part, counting what was written since it looked', async () => {
    let now = 0;
    let looks = 0;
    const memory = { used: 700_000, limit: 1_000_000 };
    const guard = new MemoryGuard({ part: 0.85, memory: () => (looks++, Promise.resolve(memory)), now: () => now });
    await guard.check(150_000);
    await guard.take(100_000, 0);
    await guard.check(50_000);
    await guard.take(50_000 - 2 * perJob, 2);
    await expect(guard.check(1)).rejects.toMatchObject(full);
    await expect(guard.take(0, 1)).rejects.toMatchObject(full);
    expect(looks).toBe(1);
    now = 501;
    await guard.check(150_000);
    expect(looks).toBe(2);
  });

  it('lets no more in of many at once', async () => {
    const memory = { used: 0, limit: 100_000 };
    const guard = new MemoryGuard({ part: 0.5, memory: () => Promise.resolve(memory) });
    const taken = await Promise.allSettled(Array.from({ length: 20 }, () => guard.take(10_000 - perJob, 1)));
    expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  });

  it('has nothing to say where Redis has no limit', async () => {
    const guard = new MemoryGuard({ part: 0.85, memory: () => Promise.resolve({ used: 1e12, limit: 0 }) });
    await guard.check(1e12);
    await guard.take(1e12, 1);
  });
});
