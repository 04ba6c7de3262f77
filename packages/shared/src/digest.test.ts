import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from './digest.js';

describe('sha256Hex', () => {
  it('is the SHA-256 of all bytes, however many portions they are', async () => {
    const mib = 1024 * 1024;
    for (const length of [0, 1, mib - 1, mib, mib + 1, 3 * mib, 3 * mib + 17]) {
      const bytes = randomBytes(length);
      expect(await sha256Hex(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('lets other work be done between portions', async () => {
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns += 1;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    await sha256Hex(Buffer.alloc(20 * 1024 * 1024));
    running = false;
    expect(turns).toBeGreaterThan(15);
  });
});
