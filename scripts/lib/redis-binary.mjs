/**
 * Finds a Redis server's program: on the PATH, or from Debian's packages where this is root.
 *
 * Installed is redis-tools, not redis-server: Debian ships the one binary in redis-tools under the name redis-check-rdb
 * (it looks at its own name to know its job; redis-server is only a link to it). So the program and its libraries come by
 * apt, and no system service is installed or started on port 6379 behind anyone's back.
 */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { installPackage, whyNotInstall } from './apt.mjs';
import { onPath } from './on-path.mjs';
import { StepError, seconds, step } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/**
 * The path of a redis-server or valkey-server that starts; installs one where it may.
 * @param {string} dataDir the link to an installed one is kept below it
 * @param {AbortSignal} [signal]
 */
export async function findRedisBinary(dataDir, signal) {
  const found = onPath('redis-server') ?? onPath('valkey-server') ?? linkIn(dataDir);
  if (found !== undefined) return checked(found, signal);
  if (whyNotInstall() !== undefined) throw notFound(onPath('apt-get') !== undefined);
  const began = performance.now();
  step('Redis: not found; installing Debian’s redis-tools, which holds the server’s program (no system service)');
  await install(signal);
  const linked = linkIn(dataDir) ?? onPath('redis-server');
  if (linked === undefined) throw notFound(true);
  const binary = await checked(linked, signal);
  step(`Redis: installed in ${seconds(began)}`);
  return binary;
}

/** A link named redis-server to the program of redis-tools. @param {string} dataDir */
function linkIn(dataDir) {
  const program = onPath('redis-check-rdb');
  if (program === undefined) return undefined;
  const link = join(dataDir, 'bin', 'redis-server');
  mkdirSync(join(dataDir, 'bin'), { recursive: true });
  if (!existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(program, link);
  }
  return link;
}

/** @param {AbortSignal} [signal] */
async function install(signal) {
  const failure = await installPackage('redis-tools', signal);
  if (failure === undefined) return;
  throw new StepError(
    'Redis could not be installed with apt-get.',
    'Install it by hand (`apt-get install redis-server`), or set REDIS_URL to a running one, and try again.',
    failure,
  );
}

/** @param {string} binary @param {AbortSignal} [signal] */
async function checked(binary, signal) {
  const { code, output } = await runCommand(binary, ['--version'], { signal });
  const version = /v=(\d+)\.(\d+)(\.\d+)?/.exec(output);
  if (code !== 0 || version === null) {
    throw new StepError(`${binary} does not start.`, installAdvice(false), lastLines(output, 5));
  }
  if (Number(version[1]) < 6 || (Number(version[1]) === 6 && Number(version[2]) < 2)) {
    throw new StepError(
      `${binary} is Redis ${version[1]}.${version[2]}; 6.2 or newer is needed.`,
      installAdvice(false),
    );
  }
  return binary;
}

/** @param {boolean} debian */
function notFound(debian) {
  return new StepError(
    'Redis was not found: neither redis-server nor valkey-server is on the PATH.',
    installAdvice(debian),
  );
}

/** @param {boolean} debian */
function installAdvice(debian) {
  const ways = [
    ['Debian, Ubuntu', 'sudo apt-get install redis-tools   (or redis-server)'],
    ['Fedora, RHEL', 'sudo dnf install valkey   (older: redis)'],
    ['Alpine', 'apk add redis   (or valkey)'],
    ['Arch', 'sudo pacman -S valkey'],
    ['macOS', 'brew install redis'],
    ['Docker', 'docker run -d -p 6379:6379 redis:7 redis-server --appendonly yes --maxmemory-policy noeviction'],
    ['a running one', 'REDIS_URL=redis://localhost:6379 npm start'],
  ];
  const shown = debian ? [ways[0], ...ways.slice(-2)] : ways;
  return `Get one, then run the same command again:\n${shown.map(([where, how]) => `  ${where?.padEnd(16)}${how}`).join('\n')}`;
}
