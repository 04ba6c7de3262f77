/**
 * `npm run fuzz -- --seconds 300 [--seed NAME] [--case NAME]`: posts hostile files to the real services for so long, and
 * prints what came of them by kind. Where PILLOW_PYTHON, else python3, has Pillow, what succeeds is compared with it. Exit codes: 0 nothing broke its promise; 1 something did (its name and file are printed);
 * 2 wrong usage. The same seed makes the same files; `--case` sends one alone.
 */
import { parseArgs } from 'node:util';
import { importTypeScript } from '../bench/lib/typescript.mjs';
import { build } from './lib/build.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { makeDataDir } from './lib/instance-lock.mjs';
import { dataDirOf, root } from './lib/project.mjs';
import { findRedisBinary } from './lib/redis-binary.mjs';
import { tellFailure } from './lib/report.mjs';

async function main() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '300' },
      seed: { type: 'string', default: String(Date.now()) },
      case: { type: 'string' },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0) || values.seed.includes('/')) {
    process.stderr.write('Usage: npm run fuzz -- --seconds N [--seed NAME] [--case NAME]\n');
    return 2;
  }
  await ensureDependencies(root);
  await build(root);
  const dataDir = dataDirOf();
  makeDataDir(dataDir);
  process.env['REDIS_SERVER_BIN'] ||= await findRedisBinary(dataDir);
  const { runFuzz } = await importTypeScript('test/support/hostile/fuzz-command.ts');
  return runFuzz({ seconds, seed: values.seed, only: values.case }, (line) => process.stdout.write(`${line}\n`));
}

main().then(
  (code) => process.exit(code),
  (error) => {
    tellFailure(error);
    process.exit(1);
  },
);
