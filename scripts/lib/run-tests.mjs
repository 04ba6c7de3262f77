/** `npm test`: dependencies → build → a Redis program for the tests → vitest → one closing line. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { makeDataDir } from './instance-lock.mjs';
import { dataDirOf, root } from './project.mjs';
import { findRedisBinary } from './redis-binary.mjs';
import { step, tellFailure } from './report.mjs';
import { runCommand } from './run-command.mjs';
import { countTests, summaryLine } from './vitest-counts.mjs';

/** @param {readonly string[]} args for vitest @returns {Promise<number>} the exit code */
export async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'quintet-test-'));
  const file = join(folder, 'report.json');
  let code = 1;
  /** @type {ReturnType<typeof JSON.parse>} */
  let report;
  try {
    await ensureDependencies(root);
    await build(root);
    const dataDir = dataDirOf();
    makeDataDir(dataDir);
    const redis = process.env['REDIS_SERVER_BIN'] || (await findRedisBinary(dataDir));
    step(`Tests: vitest, with ${redis}`);
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    // Ctrl-C is vitest's to handle: it shares the terminal, and this process waits for its report.
    process.on('SIGINT', () => undefined);
    const filters = args.filter((arg) => arg !== 'full');
    const outcome = await runCommand(process.execPath, [vitest, 'run', ...reporters, ...filters], {
      cwd: root,
      env: testEnvironment(redis, args),
      inherit: true,
    });
    code = outcome.code ?? 1;
    report = readReport(file);
  } catch (error) {
    tellFailure(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(`\n${summaryLine(countTests(report, code))}\n`);
  return code;
}

/**
 * Without what a developer's shell may have set for `npm start`: tests say themselves what they need. Who names the clients,
 * or the generated ones, wants those of Python installed; who names the container tests wants them run, not skipped; the word `full`, or one that
 * names the faults, asks for the long forms, minutes instead of seconds.
 * @param {string} redis
 * @param {readonly string[]} args
 */
function testEnvironment(redis, args) {
  const services =
    /^(PORT|HOST|REDIS_URL|DATA_DIR|MODEL|DEFAULT_MODEL|MODELS_DIR|WORKERS|METRICS_PORT|LOG_LEVEL|LOG_FORMAT|NODE_ENV)$/;
  const kept = Object.entries(process.env).filter(([name]) => !services.test(name));
  const named = (/** @type {string} */ word) =>
    args.some((arg) => !arg.startsWith('-') && arg.includes(word) && !arg.includes('*'));
  return {
    ...Object.fromEntries(kept),
    REDIS_SERVER_BIN: redis,
    // Vitest knows which files run, so it looks for Chromium itself; only here may one be installed for it.
    QUINTET_INSTALL_CHROMIUM: '1',
    ...(named('compose') ? { COMPOSE_TEST: '1' } : {}),
    ...(named('clients') || named('generated') ? { QUINTET_INSTALL_CLIENTS: '1' } : {}),
    ...(args.includes('full') || named('faults') ? { QUINTET_FULL: '1' } : {}),
  };
}

/** @param {string} file */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
