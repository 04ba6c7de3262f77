/**
 * `npm run release`: makes what others get. Without a word, the package of the client, below release/; with `images`,
 * the images of the services, labelled with the version; with `version`, the next version out of the changesets. It
 * publishes nothing.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './lib/build.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { root } from './lib/project.mjs';
import { StepError, step, tellFailure } from './lib/report.mjs';
import { lastLines, runCommand } from './lib/run-command.mjs';

/** All packages have one version: .changeset/config.json fixes them to each other. */
const versionOf = () => JSON.parse(readFileSync(join(root, 'packages/client/package.json'), 'utf8')).version;

/** @param {string} command @param {...string} args */
async function run(command, ...args) {
  const { code, output, error } = await runCommand(command, args, { cwd: root });
  if (code === 0) return output;
  throw new StepError(
    `${command} ${args[0]} failed${error ? `: ${error.message}` : ''}.`,
    'See above.',
    lastLines(output),
  );
}

/** @param {string} file @param {RegExp} what @param {string} by */
function replaceIn(file, what, by) {
  const text = readFileSync(join(root, file), 'utf8');
  if (!what.test(text)) throw new StepError(`${file} has no ${what}.`, 'Put it back.');
  writeFileSync(join(root, file), text.replace(what, by));
}

async function makeVersion() {
  const before = versionOf();
  await run('npx', '--no-install', 'changeset', 'version');
  const version = versionOf();
  if (version === before) throw new StepError('There is no changeset.', 'Write one: npx changeset');
  replaceIn('docker-compose.yml', /VERSION: '[^']*'/, `VERSION: '${version}'`);
  replaceIn(
    'CHANGELOG.md',
    /^## \[Unreleased\]$/m,
    `## [Unreleased]\n\n## [${version}] - ${new Date().toISOString().slice(0, 10)}`,
  );
  await run('npm', 'install', '--package-lock-only');
  await run('npm', 'run', 'docs');
  step(`Version ${before} → ${version}. Look at the difference, commit it, and tag the commit v${version}`);
}

async function packClient() {
  // The compiler leaves files there whose sources are gone.
  rmSync(join(root, 'packages/client/dist'), { recursive: true, force: true });
  await build(root);
  const folder = join(root, 'release');
  mkdirSync(folder, { recursive: true });
  await run('npm', 'pack', '--workspace', 'packages/client', '--pack-destination', folder);
  step(`release/quintet-client-${versionOf()}.tgz`);
  step('Publish it, and nothing else: npx changeset publish');
}

async function buildImages() {
  const version = versionOf();
  for (const target of ['api', 'worker', 'webhooks']) {
    const tag = `quintet-${target}:${version}`;
    const what = ['--file', 'deploy/Dockerfile', '--target', target, '--build-arg', `VERSION=${version}`];
    await run('docker', 'build', ...what, '--tag', tag, '.');
    step(tag);
  }
}

const actions = new Map([
  ['', packClient],
  ['version', makeVersion],
  ['images', buildImages],
]);

try {
  const action = actions.get(process.argv.slice(2).join(' '));
  if (action === undefined)
    throw new StepError('Usage: npm run release [-- version | -- images]', 'Leave out the rest.');
  await ensureDependencies(root);
  await action();
} catch (error) {
  tellFailure(error);
  process.exitCode = 1;
}
