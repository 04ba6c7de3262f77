// `npm run models -- …`: builds packages/models if that has not happened yet, and runs its command line.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'packages', 'models', 'dist', 'cli.js');
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

if (!existsSync(join(root, 'node_modules', 'zod'))) {
  fail('The dependencies are not installed: run `npm start` or `npm ci` first.');
}
if (!existsSync(cli)) {
  if (!existsSync(compiler)) fail('TypeScript is not installed: run `npm start` or `npm ci` first.');
  process.stderr.write('Building packages/models …\n');
  const { status, error } = spawnSync(process.execPath, [compiler, '--build', join(root, 'packages', 'models')], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail(`The build failed${error ? ` (${error.message})` : ''}: see above, then try again.`);
}
await import(pathToFileURL(cli).href);
