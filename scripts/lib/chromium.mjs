/**
 * Finds a Chromium for the tests in a browser: the one CHROMIUM_BIN names, one on the PATH, or Debian's where this is root.
 *
 * Nobody needs it to run the service, so its absence fails nothing: who asks is told why there is none, and skips. What is
 * taken from the PATH is started once, for its version: a program that does not start is no browser.
 */
import { installPackage, whyNotInstall } from './apt.mjs';
import { onPath } from './on-path.mjs';
import { seconds, step } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * Arguments that keep Chromium from calling anyone by itself (updates, safe browsing, the field trials of its maker), and
 * let it run as root and in containers: there its sandbox cannot be set up, and /dev/shm is small.
 * @type {readonly string[]}
 */
export const chromiumArguments = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-client-side-phishing-detection',
  '--disable-sync',
  '--disable-default-apps',
  '--metrics-recording-only',
  '--no-pings',
];

/**
 * @param {{ install?: boolean, signal?: AbortSignal }} [options] whether one may be installed where none is found
 * @returns {Promise<{ binary: string, version: string } | { missing: string }>} or the reason why there is none
 */
export async function findChromium({ install = false, signal } = {}) {
  const named = process.env['CHROMIUM_BIN']?.trim();
  if (named) return checked(named, signal);
  const found = firstOnPath();
  if (found !== undefined) return checked(found, signal);
  const obstacle = install ? whyNotInstall() : 'only `npm test` installs one';
  if (obstacle !== undefined) {
    return {
      missing: `no Chromium: CHROMIUM_BIN is not set, none of ${PROGRAMS.join(', ')} is on the PATH, and ${obstacle}`,
    };
  }
  const began = performance.now();
  step('Chromium: not found; installing Debian’s chromium for the browser tests, 120 MB, beside the other tests');
  const failure = await installPackage('chromium', signal);
  const installed = firstOnPath();
  if (failure !== undefined || installed === undefined) {
    return { missing: `no Chromium: apt-get could not install it: ${(failure ?? []).join('; ')}` };
  }
  const outcome = await checked(installed, signal);
  if ('version' in outcome) step(`Chromium: ${outcome.version} installed in ${seconds(began)}`);
  return outcome;
}

const firstOnPath = () => PROGRAMS.map((name) => onPath(name)).find((path) => path !== undefined);

/** @param {string} binary @param {AbortSignal} [signal] */
async function checked(binary, signal) {
  const { code, output, error } = await runCommand(binary, ['--version'], { signal });
  const version = /\d+(\.\d+)+/.exec(output)?.[0];
  if (code === 0 && version !== undefined) return { binary, version };
  const why = error?.message ?? lastLines(output, 3).join('; ');
  return { missing: `no Chromium: ${binary} does not start (${why || `exit code ${code}`})` };
}
