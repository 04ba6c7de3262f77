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
import { isOldRedis, probeRedis } from './redis-probe.mjs';
import { StepError, during, seconds } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

const CHECKER = 'redis-check-rdb';

/**
 * Throws, with what to do about it, where no Redis can be had: there is neither a program that is new enough nor a way to install
 * one. Takes less than a second, and needs nothing but Node.
 * @param {{ offers?: boolean, signal?: AbortSignal, find?: (name: string) => string | undefined, canInstall?: () => boolean, port?: number }} [options]
 *   `offers`: a Redis that runs on this machine would do, and is proposed; `port`: where it is looked for
 */
export async function requireRedis({ offers = false, signal, find = onPath, canInstall = installs, port = 6379 } = {}) {
  const found = find('redis-server') ?? find('valkey-server');
  if (found !== undefined) {
    await checked(found, signal);
    return;
  }
  if (find(CHECKER) !== undefined || canInstall()) return;
  const debian = find('apt-get') !== undefined;
  throw notFound(debian, offers ? offer(await probeRedis({ port }), port) : undefined);
}

const installs = () => whyNotInstall() === undefined;

/** Installs the program where there is none and where it may; `npm ci` may run meanwhile. @param {AbortSignal} [signal] */
export async function installRedis(signal) {
  if (['redis-server', 'valkey-server', CHECKER].some((name) => onPath(name) !== undefined)) return;
  if (whyNotInstall() !== undefined) throw notFound(onPath('apt-get') !== undefined);
  const began = performance.now();
  const text = 'Redis: installing Debian’s redis-tools, which holds the server’s program (no system service)';
  await during(text, async (task) => {
    const failure = await installPackage('redis-tools', signal);
    if (failure !== undefined) {
      throw new StepError(
        'Redis could not be installed with apt-get.',
        'Install it by hand (`apt-get install redis-server`), or set REDIS_URL to a running one, and try again.',
        failure,
      );
    }
    task.end(`Redis: installed in ${seconds(began)}`);
  });
}

/**
 * The path of a redis-server or valkey-server that starts; installs one where it may.
 * @param {string} dataDir the link to an installed one is kept below it
 * @param {AbortSignal} [signal]
 */
export async function findRedisBinary(dataDir, signal) {
  await installRedis(signal);
  const found = onPath('redis-server') ?? onPath('valkey-server') ?? linkIn(dataDir);
  if (found === undefined) throw notFound(true);
  return checked(found, signal);
}

/** A link named redis-server to the program of redis-tools. @param {string} dataDir */
function linkIn(dataDir) {
  const program = onPath(CHECKER);
  if (program === undefined) return undefined;
  const link = join(dataDir, 'bin', 'redis-server');
  mkdirSync(join(dataDir, 'bin'), { recursive: true });
  if (!existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(program, link);
  }
  return link;
}

/** @param {string} binary @param {AbortSignal} [signal] */
async function checked(binary, signal) {
  const { code, output } = await runCommand(binary, ['--version'], { signal });
  const version = /v=(\d+)\.(\d+)(\.\d+)?/.exec(output);
  if (code !== 0 || version === null) {
    throw new StepError(`${binary} does not start.`, installAdvice(false), lastLines(output, 5));
  }
  if (isOldRedis(version[1], version[2])) {
    throw new StepError(
      `${binary} is Redis ${version[1]}.${version[2]}; 6.2 or newer is needed.`,
      installAdvice(false),
    );
  }
  return binary;
}

/** @param {boolean} debian @param {string} [offered] */
function notFound(debian, offered) {
  return new StepError(
    'Redis was not found: neither redis-server nor valkey-server is on the PATH.',
    (offered === undefined ? '' : `${offered}\n`) + installAdvice(debian),
  );
}

/** What is said of a Redis that runs here; it is never used unless somebody names it. @param {import('./redis-probe.mjs').Probe} probe @param {number} port */
function offer(probe, port) {
  const where = `localhost:${port}`;
  if (probe.state === 'fit') {
    const remark = probe.durable ? '' : '\n  It keeps no append-only file: jobs are lost when it ends.';
    return `A Redis answers on ${where}. To use it:\n  REDIS_URL=redis://${where} npm start${remark}`;
  }
  if (probe.state === 'locked') {
    return `A Redis on ${where} wants a password. To use it:\n  REDIS_URL=redis://:PASSWORD@${where} npm start`;
  }
  return probe.state === 'unfit' ? `A Redis on ${where} cannot be used: ${probe.reason}.` : undefined;
}

/** @param {boolean} debian */
function installAdvice(debian) {
  const ways = [
    ['Debian, Ubuntu', 'sudo apt-get install redis-tools   (or redis-server)'],
    ['macOS', 'brew install redis'],
    ['Fedora, RHEL', 'sudo dnf install valkey   (older: redis)'],
    ['Alpine', 'apk add redis   (or valkey)'],
    ['Arch', 'sudo pacman -S valkey'],
    [
      'Docker',
      'docker run -d -p 127.0.0.1:6379:6379 redis:7 redis-server --appendonly yes --maxmemory-policy noeviction\n' +
        `${' '.repeat(18)}REDIS_URL=redis://localhost:6379 npm start`,
    ],
  ];
  const shown = debian ? ways.filter(([where]) => where === 'Debian, Ubuntu' || where === 'Docker') : ways;
  return `Get one, then run the same command again:\n${shown.map(([where, how]) => `  ${where?.padEnd(16)}${how}`).join('\n')}`;
}
