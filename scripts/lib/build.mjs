/**
 * TypeScript to JavaScript, and the page by Vite: only what has changed. Types are not checked here: that takes several times as long, and
 * who starts the service did not come to debug it. `npm run typecheck` and CI check them.
 */
import { join } from 'node:path';
import { StepError, seconds, step } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** @param {string} root @param {AbortSignal} [signal] */
export async function build(root, signal) {
  const began = performance.now();
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await run([compiler, '--build', '--noCheck']);
  await run([join(root, 'packages', 'web', 'build.mjs')]);
  step(`Build: done in ${seconds(began)}`);

  /** @param {readonly string[]} args */
  async function run(args) {
    const { code, output, error } = await runCommand(process.execPath, args, { cwd: root, signal });
    if (code === 0) return;
    throw new StepError(
      `The build failed${error ? `: ${error.message}` : ` (exit code ${code}).`}`,
      'Correct the files named above; if they are as committed, try `rm -rf node_modules packages/*/dist services/*/dist`.',
      lastLines(output, 20),
    );
  }
}
