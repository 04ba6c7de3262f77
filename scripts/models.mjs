// `npm run models -- …`: builds what the command needs if that has changed since it was built, and runs it. `compare` and
// `quantize` run models and belong to the worker; everything else is packages/models' own command line.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

const args = process.argv.slice(2);
const [command = ''] = args;
const runsModels = ['compare', 'quantize'].includes(command) && !args.some((arg) => arg === '--help' || arg === '-h');

/** Projects whose code the command runs; the last one's build covers those before it. */
const projects = runsModels
  ? ['packages/shared', 'packages/images', 'packages/models', 'packages/outbound', 'services/worker']
  : ['packages/models'];
const project = projects.at(-1) ?? '';
const entry = join(root, project, 'dist', runsModels ? `${command}/${command}-command.js` : 'cli.js');

/**
 * Whether a source file is younger than the build; an image without sources or compiler runs what it has.
 * @param {string} folder
 */
function isStale(folder) {
  const source = join(root, folder, 'src');
  // The compiler touches this file at each build, also where no output changed.
  const stamp = join(root, folder, 'dist', '.tsbuildinfo');
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
if (!existsSync(entry) || projects.some(isStale)) {
  if (!existsSync(compiler)) fail('TypeScript is not installed: run `npm start` or `npm ci` first.');
  process.stderr.write(`Building ${project} …\n`);
  const { status, error } = spawnSync(process.execPath, [compiler, '--build', join(root, project)], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail(`The build failed${error ? ` (${error.message})` : ''}: see above, then try again.`);
}
const { main } = await import(pathToFileURL(entry).href);
if (runsModels) await main();
