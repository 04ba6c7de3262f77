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
import { commands, overview } from './commands.js';
import { Interrupted, type Context } from './context.js';
import { exitCodes } from './exit-codes.js';
import { explain, fatalCode } from './failures.js';
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

async function run([name, ...args]: readonly string[], context: Context): Promise<number> {
  const { terminal } = context;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const about = name === 'help' ? args[0] : undefined;
    const command = about === undefined ? undefined : commands.get(about);
    await terminal.print(command?.help ?? overview());
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  if (name === '--version' || name === '-v') {
    await terminal.print(`${await version()}\n`);
    return exitCodes.ok;
  }
  const command = commands.get(name);
  if (command === undefined) throw new UsageError(`there is no command "${name}"`);
  if (args.includes('--help') || args.includes('-h')) {
    await terminal.print(command.help);
    return exitCodes.ok;
  }
  return command.run(args, context);
}

function failed(error: unknown, { terminal, signal }: Context): number {
  if (signal.aborted && (error === signal.reason || (error as Error).name === 'AbortError')) {
    return (signal.reason as Interrupted).by === 'signal' ? exitCodes.interrupted : exitCodes.ok;
  }
  if (error instanceof UsageError) {
    terminal.complain(`${error.message}. See quintet --help, or quintet COMMAND --help.`);
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
