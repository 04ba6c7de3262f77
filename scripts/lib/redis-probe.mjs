/** Asks a Redis over plain TCP, before any library is installed: whether one answers, and whether it is fit for Quintet. */
import { connect } from 'node:net';

const LONGEST_ANSWER = 64 * 1024;

/**
 * @typedef {{ state: 'none' }
 *   | { state: 'fit', durable: boolean }
 *   | { state: 'locked' }
 *   | { state: 'unfit', reason: string }} Probe
 * `none`: nobody listens, or it is no Redis; `locked`: it wants a password; `durable`: it keeps an append-only file
 */

/**
 * @param {{ host?: string, port?: number, timeoutMs?: number }} [options]
 * @returns {Promise<Probe>} within the time-out; never rejects
 */
export async function probeRedis({ host = 'localhost', port = 6379, timeoutMs = 700 } = {}) {
  const answer = await ask(host, port, timeoutMs);
  if (/^-(NOAUTH|NOPERM|DENIED)/.test(answer)) return { state: 'locked' };
  const told = (/** @type {string} */ name) => new RegExp(`^${name}:(\\S+)`, 'm').exec(answer)?.[1];
  const version = told('redis_version');
  if (!answer.startsWith('$') || version === undefined) return { state: 'none' };
  const reason = unfit(version, told);
  return reason === undefined ? { state: 'fit', durable: told('aof_enabled') === '1' } : { state: 'unfit', reason };
}

/** Whether a version is one that Quintet works with. @param {string | undefined} major @param {string | undefined} minor */
export function isOldRedis(major, minor) {
  return Number(major) < 6 || (Number(major) === 6 && Number(minor) < 2);
}

/** @param {string} version @param {(name: string) => string | undefined} told */
function unfit(version, told) {
  const [major, minor] = version.split('.');
  if (isOldRedis(major, minor)) return `it is Redis ${version}; 6.2 or newer is needed`;
  if (told('role') === 'slave') return 'it is a replica, which takes no writes';
  if (told('redis_mode') === 'cluster') return 'it is a node of a cluster';
  const policy = told('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    return `its maxmemory-policy is ${policy}, which drops jobs (redis-cli config set maxmemory-policy noeviction)`;
  }
  return undefined;
}

/** The answer to INFO, or as much as came. @param {string} host @param {number} port @param {number} timeoutMs @returns {Promise<string>} */
function ask(host, port, timeoutMs) {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port });
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, timeoutMs);
    socket.once('error', end).once('close', end);
    // QUIT: Redis closes the connection behind its answer, so that its length need not be counted.
    socket.once('connect', () => socket.write('INFO\r\nQUIT\r\n'));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.length > LONGEST_ANSWER) end();
    });
  });
}

/**
 * Why nothing can be connected to at this address, or undefined where somebody listens, or where that cannot be asked like this.
 * @param {string} url
 * @param {number} [timeoutMs]
 * @returns {Promise<string | undefined>}
 */
export function whyUnreachable(url, timeoutMs = 3000) {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !/^rediss?:$/.test(address.protocol)) return Promise.resolve(undefined);
  const host = address.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.port || 6379);
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (/** @type {string | undefined} */ reason) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => end(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    socket.once('connect', () => end(undefined));
    socket.once('error', (/** @type {NodeJS.ErrnoException} */ error) => end(error.message || error.code || 'unknown'));
  });
}
