/** SHA-256 of pictures. */
import { createHash, hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What is hashed in one turn of the event loop: 1 ms on a CPU with instructions for it, 4 ms on one without. */
const portionBytes = 1024 * 1024;

/** The SHA-256 of `bytes` in hex; other work is done in between where they are many. They may not change meanwhile. */
export async function sha256Hex(bytes: Buffer): Promise<string> {
  if (bytes.length <= portionBytes) return hash('sha256', bytes, 'hex');
  const whole = createHash('sha256');
  for (let from = 0; from < bytes.length; from += portionBytes) {
    if (from > 0) await nextTurn();
    whole.update(bytes.subarray(from, from + portionBytes));
  }
  return whole.digest('hex');
}
