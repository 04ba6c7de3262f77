/** Which ports are free. */
import { createServer } from 'node:net';

/**
 * Whether a server could listen there: `free`, or the code of the error (EADDRINUSE, EACCES, EADDRNOTAVAIL …).
 * @param {number} port
 * @param {string} host
 * @returns {Promise<string>}
 */
export function tryPort(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(/** @type {NodeJS.ErrnoException} */ (error).code ?? 'unknown'));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve('free')));
  });
}

/** A port that was free a moment ago. @param {string} host @returns {Promise<number>} */
export function freePort(host) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** `wanted` if it is free and not among `taken`, else a free one. @param {number} wanted @param {string} host @param {Set<number>} taken */
export async function portNear(wanted, host, taken) {
  let port = wanted;
  while (port === 0 || port > 65_535 || taken.has(port) || (await tryPort(port, host)) !== 'free') {
    port = await freePort(host);
  }
  taken.add(port);
  return port;
}
