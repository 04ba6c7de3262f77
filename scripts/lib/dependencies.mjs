/**
 * node_modules as package-lock.json has it. npm leaves its own record of what it installed
 * (node_modules/.package-lock.json); comparing the two finds a stale installation whoever made it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StepError, during, seconds, step } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean, link?: boolean }} LockEntry */

/** @param {string} root @param {AbortSignal} [signal] */
export async function ensureDependencies(root, signal) {
  const reason = staleReason(root);
  if (reason === undefined) {
    step('Dependencies: installed, as package-lock.json has them');
    return;
  }
  const began = performance.now();
  const npm = npmCommand();
  const args = [...npm.args, 'ci', '--include=dev', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await during(`Dependencies: ${reason}; running npm ci (a minute or two the first time)`, async (task) => {
    const env = installEnvironment();
    const { code, output, error } = await runCommand(npm.command, args, { cwd: root, env, signal });
    if (code !== 0) {
      throw new StepError(
        error ? `npm could not be started: ${error.message}` : `npm ci failed (exit code ${code}).`,
        adviceFor(output),
        lastLines(output),
      );
    }
    task.end(`Dependencies: installed in ${seconds(began)}`);
  });
}

/** Why `npm ci` must run, in words; undefined where it need not. @param {string} root */
export function staleReason(root) {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return 'not installed yet';
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(installedFile);
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const there = installed[path];
    if (there === undefined) {
      // npm leaves out what this platform cannot use.
      if (entry.optional || entry.devOptional || entry.peer) continue;
      return `${path} is missing`;
    }
    if (entry.version !== there.version) return `${path} is ${there.version}, package-lock.json says ${entry.version}`;
    if (entry.integrity && there.integrity && entry.integrity !== there.integrity) return `${path} has changed`;
    if (!existsSync(join(root, path))) return `${path} was deleted`;
  }
  const extra = Object.keys(installed).find((path) => !(path in wanted));
  return extra === undefined ? undefined : `${extra} is no longer wanted`;
}

/** @param {string} file @returns {Record<string, LockEntry>} */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch (error) {
    if (file.includes('node_modules')) return {};
    const message = error instanceof Error ? error.message : String(error);
    throw new StepError(`${file} cannot be read: ${message}`, 'Restore it with `git checkout package-lock.json`.');
  }
}

/** npm as it was started, where it was: the one on the PATH may be another. */
function npmCommand() {
  const path = process.env['npm_execpath'];
  if (path !== undefined && /npm-cli\.[cm]?js$/.test(path)) return { command: process.execPath, args: [path] };
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] };
}

/** NODE_ENV=production would leave out the compiler. */
function installEnvironment() {
  const env = { ...process.env };
  delete env['NODE_ENV'];
  return env;
}

/** @param {string} output */
function adviceFor(output) {
  if (/ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ERR_SOCKET_TIMEOUT/.test(output)) {
    return (
      'The package registry could not be reached. Check the network (behind a proxy: `npm config set proxy http://…`; ' +
      'a mirror: `npm config set registry https://…`), then run the same command again.'
    );
  }
  if (/CERT|SELF_SIGNED/.test(output)) {
    return "The registry's certificate is not trusted: set NODE_EXTRA_CA_CERTS to your organisation's, and try again.";
  }
  if (/EACCES|EPERM/.test(output)) return 'npm may not write here: make this folder yours (`chown -R`), and try again.';
  if (/ENOSPC/.test(output)) return 'The disk is full: Quintet needs about 700 MB for its dependencies.';
  if (/EUSAGE/.test(output)) return 'package.json and package-lock.json differ: run `npm install`, and try again.';
  return 'The lines above are npm’s. Run `npm ci` by hand to see all of it, then run the same command again.';
}
