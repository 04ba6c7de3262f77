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
import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import { redactUrl, type Logger } from './log.js';
import { endInEveryState } from './redis-disconnect.js';

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

/** Where Redis is, as the configuration names it. */
export interface RedisAddress {
  readonly REDIS_URL: string;
  /** A PEM file with the certificate of the authority that signed Redis' own, where no public one has. */
  readonly REDIS_CA_FILE?: string | undefined;
}

/**
 * The options of a TLS connection to `address`; none where it is `redis://`. Throws where the file cannot be read, or
 * stands beside an address that would be spoken to in clear text: whoever named it expects otherwise.
 */
export function redisTls({ REDIS_URL: url, REDIS_CA_FILE: file }: RedisAddress): Pick<RedisOptions, 'tls'> {
  if (file === undefined) return {};
  if (!url.startsWith('rediss://'))
    throw new Error('REDIS_CA_FILE is set, but REDIS_URL does not begin with rediss://');
  return { tls: { ca: readFileSync(file, 'utf8') } };
}

/** Connects to `address`; logs the loss and the return of the connection once each, not every retry. */
export function connectRedis(address: RedisAddress, role: RedisRole, logger: Logger): Redis {
  const url = address.REDIS_URL;
  const redis = new Redis(url, {
    ...roleOptions[role],
    ...redisTls(address),
    connectTimeout: connectMs,
    socketTimeout: silenceMs,
    disconnectTimeout: disconnectMs,
    keepAlive: 10_000,
    retryStrategy: (attempt) => reconnectDelay(attempt),
    connectionName: `quintet-${role}`,
  });
  limitHandshake(redis);
  endInEveryState(redis);
  pingOften(redis);
  const duplicate = redis.duplicate.bind(redis);
  // BullMQ asks for a connection of its own, to wait for orders on.
  redis.duplicate = (override) => {
    const copy = duplicate(override);
    copy.options.socketTimeout = blockingSilenceMs;
    limitHandshake(copy);
    endInEveryState(copy);
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

/** Redis' memory in bytes: what it uses, and `maxmemory` (0: no limit). Throws if it is out of reach. */
export async function redisMemory(redis: Redis): Promise<{ readonly used: number; readonly limit: number }> {
  const info = await redis.info('memory');
  const number = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return { used: number('used_memory'), limit: number('maxmemory') };
}
