/** Debian's packages, where this is root on a machine that has apt-get. */
import { onPath } from './on-path.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** Another apt-get may be at work, such as the machine's own at its start: how long to wait for it, in seconds. */
const LOCK_SECONDS = 180;

/**
 * Why packages cannot be installed here, or undefined where they can.
 * @returns {string | undefined}
 */
export function whyNotInstall() {
  if (onPath('apt-get') === undefined) return 'there is no apt-get here';
  if (process.getuid?.() !== 0) return 'only root may use apt-get here';
  return undefined;
}

/**
 * Installs a package and what it needs, nothing that is only recommended; asks nothing.
 * @param {string} name
 * @param {AbortSignal} [signal]
 * @returns {Promise<string[] | undefined>} the last lines of apt-get where it failed
 */
export async function installPackage(name, signal) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const quiet = ['-qq', '-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`];
  const update = await runCommand('apt-get', ['update', ...quiet], { env, signal });
  const install = ['install', '--yes', '--no-install-recommends', ...quiet, name];
  const { code, output } = await runCommand('apt-get', install, { env, signal });
  if (code === 0) return undefined;
  // Lists that could not be renewed are often good enough; where they were not, they are the reason.
  return lastLines(
    code === null ? 'apt-get could not be started' : update.code === 0 ? output : update.output + output,
  );
}
