/**
 * The command `quintet`: finds the command, runs it, and says how it ended.
 *
 * running → ending → over. Ctrl-C (SIGINT, or SIGTERM) ends a run: nothing more is begun, what was submitted is canceled, output that was begun is
 * made whole, for a few seconds at most. A second one leaves at once. A reader that closes stdout (`| head`) ends it in the
 * same way, quietly and with 0.
 */
import { readFile } from 'node:fs/promises';
import { QuintetError } from '../index.js';
import { UsageError } from './arguments.js';
import { find, helpFor, overview } from './commands.js';
import { Interrupted, type Context } from './context.js';
import { exitCodes, explain, fatalCode } from './failures.js';
import { Terminal } from './output/terminal.js';

/** Runs the command of this process and sets its exit code. */
export async function main(): Promise<void> {
  const controller = new AbortController();
  const interrupt = (by: Interrupted['by']): void => {
    controller.abort(new Interrupted(by));
  };
  const terminal = new Terminal(process.stdout, process.stderr, process.env, () => {
    interrupt('closed output');
  });
  const onSignal = (): void => {
    // Nothing more can be done in order: a second Ctrl-C means now.
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    interrupt('signal');
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const cleaning: (() => void | Promise<void>)[] = [];
  const context: Context = {
    terminal,
    env: process.env,
    stdin: process.stdin,
    signal: controller.signal,
    atEnd: (clean) => cleaning.push(clean),
  };
  let code: number;
  try {
    code = await run(process.argv.slice(2), context);
  } catch (error) {
    code = failed(error, context);
  }
  terminal.status('');
  for (const clean of cleaning) await clean();
  process.removeListener('SIGINT', onSignal);
  process.removeListener('SIGTERM', onSignal);
  // Standard input may still be open, and would keep the process.
  process.stdin.destroy();
  process.exitCode = code;
}

async function run(words: readonly string[], context: Context): Promise<number> {
  const { terminal } = context;
  const [first] = words;
  if (first === undefined || first === '--help' || first === '-h') {
    await terminal.print(overview());
    return first === undefined ? exitCodes.usage : exitCodes.ok;
  }
  if (first === '--version' || first === '-v') {
    await terminal.print(`${await version()}\n`);
    return exitCodes.ok;
  }
  if (first.startsWith('-')) throw new UsageError(`a command comes first, before ${first}`);
  const found = find(words);
  const { name, command, rest } = found;
  if (asksForHelp(rest)) {
    await terminal.print(helpFor(found));
    return exitCodes.ok;
  }
  if (command.run !== undefined) return command.run(rest, context);
  throw new UsageError(
    `it is ${Object.keys(command.subcommands ?? {})
      .map((each) => `quintet ${name} ${each}`)
      .join(', or ')}`,
  );
}

/** Behind `--` there are file names only. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end).some((arg) => arg === '--help' || arg === '-h');
}

function failed(error: unknown, { terminal, signal }: Context): number {
  if (signal.aborted && (error === signal.reason || (error as Error).name === 'AbortError')) {
    return (signal.reason as Interrupted).by === 'signal' ? exitCodes.interrupted : exitCodes.ok;
  }
  if (error instanceof UsageError) {
    terminal.complain(
      `${error.message}${error.message.endsWith('?') ? '' : '.'} See quintet --help, or quintet COMMAND --help.`,
    );
    return exitCodes.usage;
  }
  if (error instanceof QuintetError) {
    terminal.complain(explain(error));
    return fatalCode(error) ?? exitCodes.failed;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  // What the system says, such as EADDRINUSE, is for the user; anything else is a fault of this program.
  terminal.complain(code === undefined && error instanceof Error ? (error.stack ?? message) : message);
  return exitCodes.failed;
}

async function version(): Promise<string> {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}
