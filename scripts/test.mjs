// `npm test`: the same set-up as `npm start`, then every test; arguments go to vitest (`npm test -- job-store`).
import { requireNode } from './lib/node-version.mjs';

requireNode();
const { runTests } = await import('./lib/run-tests.mjs');
process.exitCode = await runTests(process.argv.slice(2));
