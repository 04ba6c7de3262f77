import { isRedisFull, isRedisUnavailable, ProblemError, type Redis } from '@quintet/shared';

/** Seconds after which a client may ask again while Redis is away; reconnection takes at most about as long. */
const retryAfterSeconds = 2;

export function redisUnavailable(cause?: unknown): ProblemError {
  return new ProblemError('redis_unavailable', 'The queue cannot be reached at the moment. Try again shortly.', {
    headers: { 'Retry-After': String(retryAfterSeconds) },
    cause,
  });
}

/** A picture's memory is free again when its job has ended, which is a matter of seconds. */
const roomAfterSeconds = 5;

export function storageFull(cause?: unknown): ProblemError {
  return new ProblemError('storage_full', `There is no room for another picture. Try again in ${roomAfterSeconds} s.`, {
    headers: { 'Retry-After': String(roomAfterSeconds) },
    cause,
  });
}

/** Throws at once where the connection is down, for callers that would wait for it. */
export function requireRedis(redis: Redis): void {
  if (redis.status !== 'ready') throw redisUnavailable();
}

/** `error` as the client may see it where Redis is to blame; otherwise itself. */
export function asRedisProblem(error: unknown): unknown {
  if (error instanceof ProblemError) return error;
  if (isRedisFull(error)) return storageFull(error);
  return isRedisUnavailable(error) ? redisUnavailable(error) : error;
}
