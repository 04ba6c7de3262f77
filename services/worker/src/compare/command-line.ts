/** What `npm run models` commands that run models have in common: arguments, exit codes, Ctrl-C. */
import { stderr } from 'node:process';
import { ModelError, USAGE } from '@quintet/models';
import { ConfigError, endNow } from '@quintet/shared';

/** Wrong usage: the message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command that was asked for rightly and cannot be carried out: the message says why. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** What `parse` makes of a command's arguments. Throws UsageError where it throws. */
export function parseFor<T>(command: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const [problem = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(`${command}: ${problem}.`, { cause: error });
  }
}

/** The number of `--limit`. Throws UsageError. */
export function limitOf(command: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new UsageError(`${command}: --limit ${JSON.stringify(text)} is not a number of files, from 1.`);
}

/**
 * Runs `work` until it is done or Ctrl-C is pressed, and sets the exit code. A first Ctrl-C ends with 130 as soon as the
 * pictures under way are done, a second one at once.
 */
export async function runCommand(command: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => {
    stop.abort(new Error('stopped by Ctrl-C'));
    process.once('SIGINT', () => endNow('SIGINT'));
  });
  try {
    await work(stop.signal);
  } catch (error) {
    process.exitCode = stop.signal.aborted ? 130 : explain(command, error);
  }
}

/** Says what is wrong, and returns the exit code. Throws what nobody expected. */
function explain(command: string, error: unknown): number {
  if (!(error instanceof Error)) throw error;
  if (error instanceof UsageError) stderr.write(`${error.message}\n\n${USAGE}\n`);
  else if (error instanceof ModelError) stderr.write(`error ${error.code}: ${error.message}\n`);
  else stderr.write(`${command}: ${error.message}\n`);
  const isUsage = error instanceof UsageError || error instanceof ConfigError;
  return isUsage || (error instanceof ModelError && error.code === 'model_name_invalid') ? 2 : 1;
}
