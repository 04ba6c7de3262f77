/**
 * `npm run check`: what needs no running service. Lint, format, types and the form of prose; and that the pages, the
 * OpenAPI document, the compose file and the dashboard say what the code says. Runs every step even where one fails,
 * and closes with one line.
 */
import { ensureDependencies } from './lib/dependencies.mjs';
import { build } from './lib/build.mjs';
import { root } from './lib/project.mjs';
import { seconds, step, tellFailure, warn } from './lib/report.mjs';
import { runCommand } from './lib/run-command.mjs';

/** A step's name, and what `npx` runs for it. @type {readonly [string, readonly string[]][]} */
const steps = [
  ['lint', ['eslint', '.', '--max-warnings', '0']],
  ['format', ['prettier', '--check', '.']],
  ['types', ['tsc', '--build']],
  ['types of the tests', ['tsc', '--project', 'tsconfig.tools.json']],
  ['types of the page', ['tsc', '--project', 'packages/web/tsconfig.json']],
  ["types of the page's tests", ['tsc', '--project', 'packages/web/tsconfig.test.json']],
  ['types of the tests in a browser', ['tsc', '--project', 'test/browser']],
  [
    'prose; pages, OpenAPI, compose file and dashboard against the code',
    [
      'vitest',
      'run',
      'test/docs/prose',
      'test/docs/pages',
      'test/docs/openapi',
      'errors-page',
      'compose-file',
      'dashboard',
    ],
  ],
];

let failed = 0;
try {
  await ensureDependencies(root);
  await build(root);
  for (const [name, args] of steps) {
    const began = performance.now();
    const { code, output } = await runCommand('npx', ['--no-install', ...args], { cwd: root });
    if (code === 0) {
      step(`${name}: ok, ${seconds(began)}`);
      continue;
    }
    failed += 1;
    process.stdout.write(output);
    warn(`${name}: failed, ${seconds(began)}`);
  }
} catch (error) {
  failed += 1;
  tellFailure(error);
}
process.stdout.write(`\n${steps.length - failed} passed, ${failed} failed, 0 skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
