/**
 * A service that stops while Redis is away: BullMQ's close and every command would wait for it for ever. What could not be
 * noted there is found when locks run out, so after a while it is right to leave.
 */
import type { Redis } from 'ioredis';

const checkMs = 100;

/**
 * Settles as `work` does, or resolves to 'stranded' once `redis` has been away for `graceMs` at a stretch during which
 * `idle` was true (nothing is under way that could still end well without Redis).
 */
export async function unlessStranded<T>(
  work: Promise<T>,
  redis: Pick<Redis, 'status'>,
  idle: () => boolean,
  graceMs: number,
): Promise<T | 'stranded'> {
  let timer: NodeJS.Timeout | undefined;
  const stranded = new Promise<'stranded'>((resolve) => {
    let since: number | undefined;
    timer = setInterval(() => {
      const away = redis.status !== 'ready' && idle();
      since = away ? (since ?? performance.now()) : undefined;
      if (since !== undefined && performance.now() - since >= graceMs) resolve('stranded');
    }, checkMs);
  });
  try {
    return await Promise.race([work, stranded]);
  } finally {
    clearInterval(timer);
  }
}
