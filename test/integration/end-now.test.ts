/** Processes that end themselves, or with the one that started them, seen by who waits for them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/service-process.js';
import { suiteOrSkip } from '../support/suite-or-skip.js';

const built = (path: string): string => new URL(`../../packages/shared/dist/${path}`, import.meta.url).href;

const program = (signal: string): string => `
  import { endNow } from '${built('service/end-now.js')}';
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1000);
  process.stdout.write(\`process \${process.pid}\\n\`);
  endNow(${JSON.stringify(signal)});`;

async function run(command: string, ...args: string[]): Promise<{ how: unknown; stdout: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { how: signal ?? code, stdout };
}

const node = (signal: string): string[] => ['--input-type=module', '--eval', program(signal)];

/** As the first process of a container, which needs root or its like. */
const canBeFirst = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;

describe('a process that ends itself', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGKILL'])('is ended by %s, although it listens', async (signal) => {
    expect((await run(process.execPath, ...node(signal))).how).toBe(signal);
  });

  suiteOrSkip(
    canBeFirst ? undefined : 'unshare makes no namespace here, which root may',
    'as the first of its namespace, which no signal ends',
    () => {
      it.each(['SIGTERM', 'SIGKILL'])('is gone after %s, too', async (signal) => {
        const { how, stdout } = await run('unshare', '--pid', '--fork', process.execPath, ...node(signal));
        expect(stdout).toBe('process 1\n');
        expect(how).not.toBe(0);
      });
    },
  );
});

describe('a service that `npm start` runs', () => {
  const preload = new URL('../../scripts/lib/exit-with-parent.mjs', import.meta.url).href;
  const startBelow = (body: string) => {
    const child = spawn(process.execPath, ['--import', preload, '--input-type=module', '--eval', body], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };

  it('ends when its channel closes, whatever would keep it from an orderly exit', async () => {
    const body = "process.on('exit', () => { for (;;); }); setInterval(() => undefined, 1000); process.send('runs');";
    const child = startBelow(body);
    await once(child, 'message');
    const exited = once(child, 'exit');
    child.disconnect();
    expect(await exited).toEqual([null, 'SIGKILL']);
  });

  it('ends where the channel was closed before it could listen', async () => {
    const child = startBelow('setInterval(() => undefined, 1000);');
    const exited = once(child, 'exit');
    child.disconnect();
    expect(await exited).toEqual([null, 'SIGKILL']);
  });
});

/** The arguments of all processes. */
async function commandLines(): Promise<string[][]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).map((line) => line.split('\0').slice(0, -1));
}

const isLinux = process.platform === 'linux';
suiteOrSkip(isLinux ? undefined : 'it looks into /proc', 'a command of the set-up that `npm start` runs', () => {
  it('ends when `npm start` is killed', async () => {
    const run = new URL('../../scripts/lib/run-command.mjs', import.meta.url).href;
    const folder = await mkdtemp(join(tmpdir(), 'quintet-command-'));
    const file = join(folder, 'pid');
    const body = `
      import { runCommand } from '${run}';
      await runCommand('sh', ['-c', 'echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 600']);`;
    const start = spawn(process.execPath, ['--input-type=module', '--eval', body], { stdio: 'ignore' });
    const pid = await eventually(async () => Number(await readFile(file, 'utf8')));
    // The command may be there a moment before its guard.
    await eventually(async () => {
      expect(await commandLines()).toContainEqual(['sh', '-c', expect.stringContaining('kill'), 'sh', String(pid)]);
    });
    start.kill('SIGKILL');
    await eventually(() => {
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    });
    await rm(folder, { recursive: true });
  });
});
