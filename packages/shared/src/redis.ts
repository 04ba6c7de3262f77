/**
 * Redis connections, by role. What differs is what a lost Redis means to the caller:
 *  - request: an HTTP request waits behind it. No offline queue and a short time limit, so that a dead or half-open
 *    Redis is a 503 at once.
 *  - worker: waits for Redis for ever, as BullMQ asks of its workers.
 *  - subscriber: as worker; it resubscribes by itself after a reconnect.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { redactUrl, type Logger } from './log.js';

export type RedisRole = 'request' | 'worker' | 'subscriber';

/** Milliseconds before reconnection `attempt` (from 1): quick at first, at most 2 s, spread so that not all come at once. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  return Math.min(2000, 50 * 2 ** Math.min(attempt, 6)) * (0.75 + random() / 4);
}

const roleOptions = {
  request: {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 2000,
    autoResendUnfulfilledCommands: false,
  },
  worker: { maxRetriesPerRequest: null, enableOfflineQueue: true },
  subscriber: { maxRetriesPerRequest: null, enableOfflineQueue: true },
} satisfies Record<RedisRole, RedisOptions>;

/** Connects to `url`; logs the loss and the return of the connection once each, not every retry. */
export function connectRedis(url: string, role: RedisRole, logger: Logger): Redis {
  const redis = new Redis(url, {
    ...roleOptions[role],
    connectTimeout: 5000,
    keepAlive: 10_000,
    retryStrategy: (attempt) => reconnectDelay(attempt),
    connectionName: `quintet-${role}`,
  });
  let lost = false;
  redis.on('error', (error: Error) => {
    if (!lost) logger.warn({ error, role, redis: redactUrl(url) }, 'Redis connection failed; reconnecting');
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) logger.info({ role }, 'Redis connection is back');
    lost = false;
  });
  return redis;
}

/** Why this Redis must not be used, or undefined if it may: an evicting Redis loses accepted jobs. Throws if it is out of reach. */
export async function redisUnfit(redis: Redis): Promise<string | undefined> {
  const info = await redis.info('memory');
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  return policy === undefined || policy === 'noeviction'
    ? undefined
    : `maxmemory-policy is ${policy}; it must be noeviction, or Redis drops jobs when it is full`;
}

/** Whether `error` says that Redis cannot be used now, as opposed to a mistake of ours. */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    (code !== undefined &&
      ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN'].includes(code)) ||
    error.name === 'MaxRetriesPerRequestError' ||
    error.name === 'ClusterAllFailedError' ||
    /Connection is closed|Command timed out|Stream isn't writeable|Socket (closed|timeout)|^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|MISCONF|NOAUTH|WRONGPASS|NOREPLICAS)\b/.test(
      error.message,
    )
  );
}
