/** The command `quintet` as a process, against the real service. */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Quintet } from '@quintet/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { eventually } from '../support/service-process.js';
import { startStack, stackWebhookSecret, type Stack } from '../support/stack.js';

const bin = fileURLToPath(new URL('../../packages/client/bin/quintet.mjs', import.meta.url));
let stack: Stack;
let client: Quintet;
let folder: string;
let image: Buffer;
const running = new Set<ChildProcessWithoutNullStreams>();

beforeAll(async () => {
  stack = await startStack({ workers: 0, env: { MAX_BATCH_ITEMS: '2' } });
  client = new Quintet({ url: stack.url });
  folder = await mkdtemp(join(tmpdir(), 'quintet-cli-'));
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  for (const name of ['c.jpg', 'a.jpg', 'b.jpg']) await writeFile(join(folder, name), image);
});
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});
afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Command {
  readonly child: ChildProcessWithoutNullStreams;
  /** So far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], QUINTET_URL: stack.url, ...env },
  });
  running.add(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return { code: code as number | null, stdout, stderr };
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

function quintet(...args: string[]): Command['ended'] {
  const { child, ended } = start(args);
  child.stdin.end();
  return ended;
}

const depth = async (): Promise<number> => (await client.operations()).queue.depth;

describe('before a worker lives', () => {
  it('ends with Ctrl-C, and cancels what it submitted', async () => {
    const { child, ended } = start(['classify', '.', '--json']);
    await eventually(async () => {
      expect(await depth()).toBe(3);
    });
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toEqual([]);
    await eventually(async () => {
      expect(await depth()).toBe(0);
    });
  });

  it('leaves at once with a second Ctrl-C', async () => {
    const job = await client.submit(image);
    const { child, ended } = start(['classify', 'a.jpg']);
    await eventually(async () => {
      expect(await depth()).toBe(2);
    });
    // What is under way cannot be canceled while nothing answers.
    stack.api.process.kill('SIGSTOP');
    child.kill('SIGINT');
    child.kill('SIGINT');
    const { code } = await ended;
    stack.api.process.kill('SIGCONT');
    expect(code).toBe(130);
    await client.cancel(job.id);
  });

  it('ends at once with Ctrl-C while nobody writes to the named pipe that it reads', async () => {
    const inbox = await mkdtemp(join(folder, 'pipes-'));
    const pipe = join(inbox, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const args of [
      ['classify', pipe, '--json'],
      ['batch', pipe],
    ]) {
      const { child, ended } = start(args);
      // Opens when there is a reader; nothing is written.
      const writer = await open(pipe, 'w');
      child.kill('SIGINT');
      expect((await ended).code).toBe(130);
      await writer.close();
    }
  });

  it('lists what was submitted, newest first', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { id } = await client.submit(image);
      ids.unshift(id);
      await client.cancel(id);
    }
    const [table, piped, json, lines] = await Promise.all([
      quintet('jobs', '-t', '--limit', '3'),
      quintet('jobs', '-l', '2'),
      quintet('jobs', '--json', '--status', 'canceled', '-l', '3'),
      quintet('jobs', '--ndjson', '--all', '-s', 'succeeded'),
    ]);
    expect(table.stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2).join(' '))).toEqual([
      'ID STATUS',
      ...ids.map((id) => `${id} canceled`),
      '',
    ]);
    expect(piped.stdout.split('\n').map((line) => line.split('\t').slice(0, 2).join(' '))).toEqual([
      'id status',
      ...ids.slice(0, 2).map((id) => `${id} canceled`),
      '',
    ]);
    expect((JSON.parse(json.stdout) as { id: string }[]).map(({ id }) => id)).toEqual(ids);
    expect([lines.code, lines.stdout, lines.stderr]).toEqual([0, '', '']);
  });

  it('says which command line it does not understand, and which service it cannot use', async () => {
    const results = await Promise.all([
      quintet('classify'),
      quintet('classify', 'a.jpg', '--top', '21'),
      quintet('clasify'),
      quintet('models', '--url', 'http://127.0.0.1:1'),
      quintet('classify', 'a.jpg', '--model', 'unknown'),
      quintet('--help'),
      quintet('batch', '--help'),
    ]);
    expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 3, 3, 0, 0]);
    expect(results[1].stderr).toContain('--top takes a whole number from 1 to 20, not "21"');
    expect(results[2].stderr).toMatch(/^quintet: there is no command "clasify"; did you mean quintet classify\? See /);
    expect(results[3].stderr).toMatch(/^quintet: connection_failed: .*ECONNREFUSED.*--url, or QUINTET_URL/);
    expect(results[4].stderr).toContain('model_not_found');
    expect(results[6].stdout).toContain('quintet batch photos/ --csv > labels.csv');
  });
});

describe('with a worker', () => {
  beforeAll(async () => {
    await stack.addWorker();
    await writeFile(join(folder, 'b.jpg'), 'no picture');
  });

  it('classifies a folder in order, tells what failed, and goes on', async () => {
    const { code, stdout, stderr } = await quintet('classify', '.', 'gone.jpg', '--csv', '--top', '1');
    expect(code).toBe(1);
    const rows = stdout
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(','));
    expect(rows.map(([index, name, , status, error]) => [index, name, status, error])).toEqual([
      ['index', 'name', 'status', 'error_code'],
      ['0', 'a.jpg', 'succeeded', ''],
      ['1', 'b.jpg', 'failed', 'image_format_unsupported'],
      ['2', 'c.jpg', 'succeeded', ''],
      ['3', 'gone.jpg', 'failed', 'image_unreadable'],
    ]);
    expect(stderr).toMatch(
      /^quintet: b\.jpg: image_format_unsupported: .*\nquintet: gone\.jpg: image_unreadable: .*\n$/,
    );
  });

  it('reads a named pipe that is named, passes over one in a folder, and sends no empty file', async () => {
    const inbox = await mkdtemp(join(folder, 'odd-'));
    execFileSync('mkfifo', [join(inbox, 'pipe.jpg')]);
    await writeFile(join(inbox, 'a.hif'), image);
    await writeFile(join(inbox, 'empty.jpg'), '');
    const inFolder = await quintet('classify', inbox, '--top', '1');
    expect(inFolder.code).toBe(1);
    expect(inFolder.stderr).toBe(
      `quintet: ${join(inbox, 'pipe.jpg')}: skipped, as it is a named pipe\n` +
        `quintet: ${join(inbox, 'empty.jpg')}: image_empty: The file is empty.\n`,
    );
    const [header, first = '', second, ...rest] = inFolder.stdout.split('\n');
    expect(header).toBe('file\tlabel\tscore\terror');
    const [name, label, score, error] = first.split('\t');
    expect([name, error]).toEqual([join(inbox, 'a.hif'), '']);
    expect(label).not.toBe('');
    expect(Number(score)).toBeGreaterThan(0);
    expect([second, ...rest]).toEqual([`${join(inbox, 'empty.jpg')}\t\t\timage_empty`, '']);

    const named = start(['classify', join(inbox, 'pipe.jpg'), '-', '--json']);
    const writer = await open(join(inbox, 'pipe.jpg'), 'w');
    await writer.write(image);
    await writer.close();
    named.child.stdin.end();
    const { code, stdout } = await named.ended;
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: join(inbox, 'pipe.jpg'), status: 'succeeded' },
      { name: '-', status: 'failed', error: { code: 'image_empty' } },
    ]);

    const batch = start(['batch', inbox, join(inbox, 'pipe.jpg'), '--tsv']);
    const again = await open(join(inbox, 'pipe.jpg'), 'w');
    await again.write(image);
    await again.close();
    batch.child.stdin.end();
    const ended = await batch.ended;
    expect([ended.code, ended.stdout.split('\n').length]).toEqual([1, 4]);
    expect(ended.stderr).toContain('empty.jpg: image_empty: The file is empty.');
  });

  it('writes to a file what its ending says, and leaves one alone that it cannot write anew', async () => {
    const file = join(await mkdtemp(join(folder, 'results-')), 'labels.csv');
    await writeFile(file, 'what was there');
    const away = await quintet('classify', 'a.jpg', '-o', file, '-u', 'http://127.0.0.1:1');
    expect([away.code, await readFile(file, 'utf8')]).toEqual([3, 'what was there']);
    const written = await quintet('classify', 'a.jpg', 'c.jpg', '-n1', '-o', file);
    expect([written.code, written.stdout, written.stderr]).toEqual([0, '', '']);
    expect(await readFile(file, 'utf8')).toMatch(/^index,name,[^\n]*\r\n0,a\.jpg,[^\n]*\r\n1,c\.jpg,[^\n]*\r\n$/);
    const results = await Promise.all([
      quintet('classify', 'a.jpg', '-o', join(file, 'no-folder')),
      quintet('models', '-o', 'models.csv'),
      quintet('models', '-o', folder),
    ]);
    expect(results.map(({ code }) => code)).toEqual([2, 2, 2]);
  });

  it('classifies standard input', async () => {
    const { child, ended } = start(['classify', '-', '--json', '--top', '2']);
    child.stdin.end(image);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    const [result] = JSON.parse(stdout) as [{ name: string; predictions: unknown[] }];
    expect(result.name).toBe('-');
    expect(result.predictions).toHaveLength(2);
  });

  it('ends quietly when nobody reads on', async () => {
    const many = Array.from({ length: 300 }, () => 'a.jpg').join(' ');
    const command = `"${process.execPath}" "${bin}" classify ${many} --ndjson | head -n 1; echo "code \${PIPESTATUS[0]}"`;
    const shell = spawn('bash', ['-c', command], { cwd: folder, env: { ...process.env, QUINTET_URL: stack.url } });
    running.add(shell);
    let output = '';
    for (const stream of [shell.stdout, shell.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(shell, 'close');
    running.delete(shell);
    expect(output).toMatch(/^\{"index":.*\}\ncode 0\n$/);
  });

  it('watches a folder, and ends well with Ctrl-C', async () => {
    const inbox = await mkdtemp(join(folder, 'inbox-'));
    await writeFile(join(inbox, 'first.jpg'), image);
    const { child, stdout, ended } = start(['classify', '--watch', inbox, '--ndjson']);
    await eventually(() => {
      expect(stdout()).toContain('first.jpg');
    });
    await writeFile(join(inbox, 'second.part'), image);
    await rename(join(inbox, 'second.part'), join(inbox, 'second.jpg'));
    await eventually(() => {
      expect(stdout()).toContain('second.jpg');
    });
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
  });

  it('sends a folder as batches of what the service takes, in order, and waits for one by its id', async () => {
    const [whole, detached] = await Promise.all([
      quintet('batch', '.', '--csv', '--top', '1'),
      quintet('batch', 'a.jpg', '--detach'),
    ]);
    expect(whole.code).toBe(1);
    const rows = whole.stdout
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(','));
    expect(rows.map(([index, name, , status]) => `${index ?? ''} ${name ?? ''} ${status ?? ''}`)).toEqual([
      '0 a.jpg succeeded',
      '1 b.jpg failed',
      '2 c.jpg succeeded',
    ]);
    const waited = await quintet('wait', detached.stdout.trim(), '--json');
    expect(waited.code).toBe(0);
    expect(JSON.parse(waited.stdout)).toMatchObject([{ name: 'a.jpg', status: 'succeeded' }]);
  });

  it('receives webhooks of the service, and answers as it is told', async () => {
    const secret = { WEBHOOK_SECRET: stackWebhookSecret };
    const { child, stdout, stderr, ended } = start(['webhook', 'listen', '--port', '0', '--json'], secret);
    const url = await eventually(() => {
      const found = /webhook_url=(\S+)/.exec(stderr())?.[1];
      if (found === undefined) throw new Error(`it does not listen: ${stderr()}`);
      return found;
    });
    const { id } = await client.submit(image, { webhook_url: url });
    await eventually(() => {
      const [line = ''] = stdout().split('\n');
      expect(JSON.parse(line)).toMatchObject({
        attempt: 1,
        answered: 204,
        event: { type: 'job.succeeded', data: { id, status: 'succeeded' } },
      });
    });
    const forged = await fetch(url, { method: 'POST', body: '{}' });
    expect(forged.status).toBe(401);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, stderr: expect.stringContaining('refused POST /') as string });
  });

  it('shows models and operations', async () => {
    const [models, status, json, modelRows, values] = await Promise.all([
      quintet('models', '--table'),
      quintet('status', '--table'),
      quintet('status', '--json'),
      quintet('models'),
      quintet('status'),
    ]);
    expect(models.stdout).toMatch(/^ {2}MODEL +WEIGHTS +VERSION +WORKERS +DEVICES\n\* \w+/);
    expect(status.stdout).toMatch(/^Throughput {2}[\d.]+\/s/m);
    expect(status.stdout).toMatch(/^worker-1 /m);
    expect(JSON.parse(json.stdout)).toMatchObject({ window_seconds: 60 });
    expect(modelRows.stdout).toMatch(
      /^model\tdefault\tweights\tversion\tworkers\tdevices\n\S+\tdefault\t\w+\tsha256:\w{64}\t1\tcpu\n/,
    );
    expect(values.stdout).toMatch(/^name\tvalue\n/);
    expect(values.stdout).toContain('\nwindow_seconds\t60\n');
    expect(values.stdout).toMatch(/^workers\.0\.id\tworker-1$/m);
  });
});
