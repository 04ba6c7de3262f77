/** A Redis for a benchmark that talks to it beside Quintet: with the settings of `npm start`, on a free port. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { prepareRedis, waitForRedis } from '../../scripts/lib/redis.mjs';
import { findRedisBinary } from '../../scripts/lib/redis-binary.mjs';
import { benchDataDir } from './model.mjs';

/** @returns {Promise<{ url: string, pid: number, stop: () => Promise<void> }>} empty, and removed when stopped */
export async function startBenchRedis() {
  const dataDir = join(benchDataDir, `redis-${process.pid}`);
  mkdirSync(dataDir, { recursive: true });
  const { url, command, args } = await prepareRedis({ binary: await findRedisBinary(benchDataDir), dataDir });
  const child = spawn(command, args, { stdio: 'ignore' });
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  await waitForRedis(url, 10_000);
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      process.removeListener('exit', end);
      const exited = once(child, 'exit');
      end();
      await exited;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
