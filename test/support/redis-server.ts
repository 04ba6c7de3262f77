/** A Redis of a test's own: random port, data in a temporary folder, kept by AOF. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';

/** What a connection to a guarded server needs beside its address. */
type ConnectionOptions = Pick<RedisOptions, 'tls'>;

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** How a Redis is reached that asks for a password or speaks TLS. */
export interface SecuredRedis {
  /** Further command-line settings, over the others. */
  readonly settings: (port: number) => readonly string[];
  readonly url: (port: number) => string;
  readonly options?: ConnectionOptions;
}

const plain = (settings: readonly string[]): SecuredRedis => ({
  settings: () => settings,
  url: (port) => `redis://127.0.0.1:${port}`,
});

/** Starts `redis-server` (or `valkey-server`, by REDIS_SERVER_BIN); `extra` are further command-line settings. */
export async function startRedis(extra: readonly string[] | SecuredRedis = []): Promise<RedisServer> {
  const secured = 'url' in extra ? extra : plain(extra);
  const directory = await mkdtemp(join(tmpdir(), 'quintet-redis-'));
  const port = await freePort();
  const url = secured.url(port);
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const started = spawn(
      process.env['REDIS_SERVER_BIN'] ?? 'redis-server',
      // Without fsync: what was answered is in the kernel's hands, and so outlives the process that a test kills. `everysec`, as in
      // production, holds writes back while a disk is slow.
      // prettier-ignore
      ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--appendonly', 'yes', '--appendfsync', 'no',
        '--save', '', '--maxmemory-policy', 'noeviction', '--logfile', 'redis.log', ...secured.settings(port)],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    child = started;
    await once(started, 'spawn');
    await untilReady(url, secured.options, started);
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    url,
    port,
    kill,
    start,
    stop: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function untilReady(url: string, options: ConnectionOptions | undefined, child: ChildProcess): Promise<void> {
  const redis = new Redis(url, { ...options, retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const died = once(child, 'exit').then(() => {
    throw new Error('redis-server ended before it was ready');
  });
  try {
    await Promise.race([redis.ping(), died]);
  } finally {
    redis.disconnect();
    died.catch(() => undefined);
  }
}
