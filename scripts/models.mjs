// `npm run models -- …`: builds packages/models if that has not happened since it changed, and runs its command line.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'packages', 'models', 'dist', 'cli.js');
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/** Whether a source file is younger than the build; an image without sources or compiler runs what it has. */
function isStale() {
  const source = join(root, 'packages', 'models', 'src');
  // The compiler touches this file at each build, also where no output changed.
  const stamp = join(root, 'packages', 'models', 'dist', '.tsbuildinfo');
  if (!existsSync(source) || !existsSync(compiler) || !existsSync(stamp)) return false;
  const built = statSync(stamp).mtimeMs;
  const files = readdirSync(source, { recursive: true }).filter((name) => /(?<!\.test|\.test-support)\.ts$/.test(name));
  return files.some((name) => statSync(join(source, name)).mtimeMs > built);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

if (!existsSync(join(root, 'node_modules', 'zod'))) {
  fail('The dependencies are not installed: run `npm start` or `npm ci` first.');
}
if (!existsSync(cli) || isStale()) {
  if (!existsSync(compiler)) fail('TypeScript is not installed: run `npm start` or `npm ci` first.');
  process.stderr.write('Building packages/models …\n');
  const { status, error } = spawnSync(process.execPath, [compiler, '--build', join(root, 'packages', 'models')], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail(`The build failed${error ? ` (${error.message})` : ''}: see above, then try again.`);
}
await import(pathToFileURL(cli).href);
