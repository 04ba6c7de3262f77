import { join } from 'node:path';
import { argv, env, exit, stderr, stdout } from 'node:process';
import { runCli } from './commands.js';

/*
 * Composition root of `npm run models`: reads the environment, handles Ctrl-C, writes to the terminal.
 * A first Ctrl-C keeps what was downloaded and ends with 130; a second one ends at once.
 */
const stop = new AbortController();
process.once('SIGINT', () => {
  stop.abort(new Error('stopped by Ctrl-C'));
  process.once('SIGINT', () => exit(130));
});

const setting = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);

const code = await runCli(argv.slice(2), {
  modelsDir: setting('MODELS_DIR') ?? join(setting('DATA_DIR') ?? '.quintet', 'models'),
  baseUrl: setting('MODEL_BASE_URL'),
  signal: stop.signal,
  out: (text) => stdout.write(`${text}\n`),
  err: stderr,
});
process.exitCode = stop.signal.aborted ? 130 : code;
