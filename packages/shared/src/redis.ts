/**
 * Redis connections, by role. What differs is what a lost Redis means to the caller:
 *  - request: an HTTP request waits behind it. No offline queue and a short time limit, so that a dead or half-open
 *    Redis is a 503 at once.
 *  - worker: waits for Redis for ever, as BullMQ asks of its workers.
 *  - subscriber: as worker; it resubscribes by itself after a reconnect.
 *
 * A peer can die without a word: a firewall forgets the connection, a machine loses its power. The kernel finds out after a
 * quarter of an hour, and a connection that only listens never does. So each connection here ends by itself:
 *
 *   connecting → (connected within `connectMs`) → shaking hands → (ready within `handshakeMs`) → ready
 *   ready → closed   a command was sent and nothing at all came back for `silenceMs`
 *   closed → connecting, after `reconnectDelay`
 * A PING every `pingMs` is something to wait for. BullMQ's duplicates, on which a worker waits for
 * orders by a blocking command, may be silent for as long as that may block.
 * Invariant: five seconds after the network works again every connection does, whatever became of the old one.
 * Trade-off: a Redis that is stopped for longer than `silenceMs` sees its clients come back on new connections, and what
 * they had sent is sent again; queue and store bear that, as they must after a crash.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { redactUrl, type Logger } from './log.js';

export type RedisRole = 'request' | 'worker' | 'subscriber';

/** Milliseconds before reconnection `attempt` (from 1): quick at first, at most 1 s, spread so that not all come at once. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  return Math.min(1000, 50 * 2 ** Math.min(attempt, 5)) * (0.75 + random() / 4);
}

const connectMs = 2000;
const handshakeMs = 2000;
const silenceMs = 3000;
const pingMs = 500;
/** BullMQ blocks for ten seconds at most, where it waits for a delayed job. */
const blockingSilenceMs = 12_000;
/** How long a connection that is being closed waits for its peer to close it too. */
const disconnectMs = 500;

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
    connectTimeout: connectMs,
    socketTimeout: silenceMs,
    disconnectTimeout: disconnectMs,
    keepAlive: 10_000,
    retryStrategy: (attempt) => reconnectDelay(attempt),
    connectionName: `quintet-${role}`,
  });
  limitHandshake(redis);
  pingOften(redis);
  const duplicate = redis.duplicate.bind(redis);
  // BullMQ asks for a connection of its own, to wait for orders on.
  redis.duplicate = (override) => {
    const copy = duplicate(override);
    copy.options.socketTimeout = blockingSilenceMs;
    limitHandshake(copy);
    return copy;
  };
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

/** Ends a connection that was accepted and then not spoken to. A Redis that loads its data is asked again and again. */
function limitHandshake(redis: Redis): void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(timer);
  };
  redis.on('connect', () => {
    stop();
    const { stream } = redis;
    timer = setTimeout(() => {
      stream.destroy(new Error(`Socket timeout. The handshake took more than ${handshakeMs} ms.`));
    }, handshakeMs);
  });
  redis.on('ready', stop).on('close', stop).on('end', stop);
}

function pingOften(redis: Redis): void {
  const timer = setInterval(() => {
    // One that fails has done its work: the connection ends.
    if (redis.status === 'ready') redis.ping().catch(() => undefined);
  }, pingMs);
  redis.on('end', () => {
    clearInterval(timer);
  });
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
    /Connection is closed|Command (timed out|aborted due to connection close)|Stream isn't writeable|Socket (closed|timeout)|^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|MISCONF|NOAUTH|WRONGPASS|NOREPLICAS)\b/.test(
      error.message,
    )
  );
}
