/**
 * TypeScript to JavaScript, and the page by Vite, side by side: only what has changed. Types are not checked here: that takes several
 * times as long, and who starts the service did not come to debug it. `npm run typecheck` and CI check them.
 */
import { join } from 'node:path';
import { StepError, during, seconds } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** @param {string} root @param {AbortSignal} [signal] */
export async function build(root, signal) {
  const began = performance.now();
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await during('Build: TypeScript and the page', async (task) => {
    // The page is built of the sources of the client, so it need not wait for their compilation.
    const builds = [[compiler, '--build', '--noCheck'], [join(root, 'packages', 'web', 'build.mjs')]];
    // Both to their end, also where one fails: no process may be left behind.
    const ends = await Promise.allSettled(builds.map(run));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    task.end(`Build: done in ${seconds(began)}`);
  });

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
