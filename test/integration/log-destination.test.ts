/** Where log lines go, at the end of a process and where nobody reads them: real processes and real pipes. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';

const built = (file: string): string => new URL(`../../packages/shared/dist/${file}`, import.meta.url).href;
type Child = ChildProcessByStdio<Writable, Readable, null>;
const children: Child[] = [];

/** Runs `then` in a process that has a service's logger, when something comes on its standard input. */
function run(then: string): Child {
  const program = `
    import { createLogger, endNow } from '${built('index.js')}';
    const logger = createLogger('test', 'info');
    process.on('message', () => undefined);
    process.stdin.once('data', () => { ${then} });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
  }) as unknown as Child;
  children.push(child);
  return child;
}
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const said = (output: string): unknown[] =>
  output
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { message: unknown }).message);

describe('the log of a process', () => {
  it('does not keep it from ending where nobody reads any more', async () => {
    const child = run(`for (let line = 0; line < 10; line += 1) logger.info('line'); process.exit(0);`);
    child.stdout.destroy();
    await once(child.stdout, 'close');
    const exited = once(child, 'exit');
    child.stdin.write('go');
    expect(await exited).toEqual([0, null]);
  });

  it('has every line that was written before it ended itself', async () => {
    const child = run(`for (let line = 0; line < 100; line += 1) logger.info(String(line)); endNow();`);
    const output = text(child.stdout);
    child.stdin.write('go');
    expect(said(await output)).toEqual(Array.from({ length: 100 }, (_, line) => String(line)));
  });

  it('does not stop it while a reader is slow: lines are kept within limits, then dropped and counted', async () => {
    const lines = 3000;
    // A kilobyte each: more than a pipe and what is kept.
    const child = run(`
      for (let line = 0; line < ${lines}; line += 1) logger.info({ pad: 'x'.repeat(1000) }, String(line));
      process.send('done');`);
    child.stdout.pause();
    const done = once(child, 'message');
    child.stdin.write('go');
    await done;
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdout.resume();
    const note = /(\d+) lines of the log were dropped: nobody read them/;
    while (!note.test(output)) await once(child.stdout, 'data');
    const kept = said(output).slice(0, -1);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, line) => String(line)));
    expect(kept.length).toBeGreaterThan(500);
    expect(kept.length + Number(note.exec(output)?.[1])).toBe(lines);
  });
});
