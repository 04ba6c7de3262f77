/** What `npm run models` commands that run models have in common: arguments, settings, pictures, exit codes, Ctrl-C. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { env, stderr } from 'node:process';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ModelError, USAGE } from '@quintet/models';
import { ConfigError, endNow, readConfig, workerVariables, type ConfigOf } from '@quintet/shared';
import { reasonOf } from '../errors.js';

const variables = {
  DATA_DIR: workerVariables.DATA_DIR,
  MODELS_DIR: workerVariables.MODELS_DIR,
  MODEL_BASE_URL: workerVariables.MODEL_BASE_URL,
  EXECUTION_PROVIDER: workerVariables.EXECUTION_PROVIDER,
  INFERENCE_STREAMS: workerVariables.INFERENCE_STREAMS,
  INTRA_OP_THREADS: workerVariables.INTRA_OP_THREADS,
  INT8_ARITHMETIC: workerVariables.INT8_ARITHMETIC,
  MAX_IMAGE_PIXELS: workerVariables.MAX_IMAGE_PIXELS,
  DECODE_TIMEOUT_SECONDS: workerVariables.DECODE_TIMEOUT_SECONDS,
};
export type Settings = ConfigOf<typeof variables>;

/** The environment of a command that runs models, and where they are. Throws ConfigError. */
export function readSettings(): { readonly settings: Settings; readonly modelsDir: string } {
  const settings = readConfig(variables, env);
  return { settings, modelsDir: resolve(settings.MODELS_DIR ?? join(settings.DATA_DIR, 'models')) };
}

/** Wrong usage: the message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<Known extends Options> = ReturnType<typeof parseArgs<{ options: Known; allowPositionals: true }>>;

/** The options of a command, and the names beside them: `most` at the most. Throws UsageError. */
export function parseFor<const Known extends Options>(
  command: string,
  args: readonly string[],
  options: Known,
  most: number,
): Parsed<Known> {
  const parsed = parse(command, args, options);
  const extra = parsed.positionals.slice(most);
  if (extra.length > 0) throw new UsageError(`${command}: too many arguments: ${extra.join(' ')}.`);
  return parsed;
}

function parse<const Known extends Options>(command: string, args: readonly string[], options: Known): Parsed<Known> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    const [problem = ''] = reasonOf(error).split('. ');
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

/**
 * Names of the files in `folder`, sorted, without hidden ones and without what is in folders below. What is no picture is
 * found out when it is decoded. Throws UsageError where there is no such folder.
 */
export async function listPictures(command: string, folder: string, limit: number | undefined): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
    return names.sort().slice(0, limit);
  } catch (error) {
    const reason = reasonOf(error);
    throw new UsageError(`${command}: the folder ${folder} cannot be read (${reason}).`, { cause: error });
  }
}
