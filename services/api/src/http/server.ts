/**
 * The HTTP server around the application: time limits, what is not HTTP, and its end.
 *
 *   listening → leaving (leave() called) → draining (close() called) → closed
 * Leaving serves on, and ends every connection with its next answer, so that clients and load balancers move to another
 * instance while this one still answers. Draining accepts no connection, lets every request that has begun finish, and
 * closes each connection as it becomes idle, also one on which nothing is said; after `limitMs` it cuts what is left.
 * Invariant: every connection gets a complete answer, or none at all. What one connection may have under way, and what becomes
 * of a client that reads nothing: connections.ts of the shared package.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Connections, problem, type Connection, type ErrorCode, type Logger } from '@quintet/shared';

export interface ServerLimits {
  /** Longest time the request line and headers may take to arrive, in ms. */
  readonly headersMs: number;
  /** The same for the whole request. */
  readonly requestMs: number;
  /** How often these two are looked at. */
  readonly checkMs: number;
  /** How long an idle connection is kept. Longer than the minute that load balancers keep theirs. */
  readonly keepAliveMs: number;
  /** How long a client may take nothing of its answer; see connections.ts for the default. */
  readonly stalledMs?: number;
}

export const defaultServerLimits: ServerLimits = {
  headersMs: 15_000,
  requestMs: 60_000,
  checkMs: 1000,
  keepAliveMs: 65_000,
};

/** What a connection that was made just before the draining has for its first bytes. */
const silentMs = 1000;

export interface ApiServer {
  readonly port: number;
  /** From now on every answer is the last of its connection. */
  leave(): void;
  close(limitMs: number): Promise<void>;
}

/** Listens on `port` (0: a free one). Rejects where it is taken. */
export async function startServer(
  app: RequestListener,
  options: {
    readonly host: string;
    readonly port: number;
    readonly logger: Logger;
    readonly limits?: ServerLimits;
    /** Past so many, a new connection is closed at once; undefined: no limit. */
    readonly maxConnections?: number | undefined;
  },
): Promise<ApiServer> {
  const limits = options.limits ?? defaultServerLimits;
  let leaving = false;
  const server = createServer({
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: 16 * 1024,
  });
  // The size bounds the number, too; past a number of its own Node would drop the rest silently, Authorization among it.
  server.maxHeadersCount = 0;
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  const onRequest: RequestListener = (request, response) => {
    // A client that leaves is an error on the request that nobody may be listening for.
    request.on('error', () => undefined);
    connections.admit(request, response, app, leaving);
  };
  server.on('request', onRequest);
  const connections = new Connections(server, limits.stalledMs);
  // Whoever reads the body says "100 Continue"; until then a refusal costs the client nothing.
  server.on('checkContinue', onRequest);
  // An expectation that nobody knows may be ignored (RFC 9110 section 10.1.1); Node would answer 417 without a body.
  server.on('checkExpectation', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuse(error, socket, connections.of(socket), options.logger);
  });
  server.listen(options.port, options.host);
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve).once('error', reject);
  });
  return {
    port: (server.address() as AddressInfo).port,
    leave: () => {
      leaving = true;
    },
    close: (limitMs) =>
      closeServer(server, limitMs, (ms) => {
        for (const socket of connections.silent()) {
          // Node takes a connection that has said nothing for a busy one, and no longer looks at its clock.
          const graceMs = socket.bytesRead === 0 ? Math.min(silentMs, limits.headersMs) : limits.headersMs;
          if (ms > graceMs) socket.destroy();
        }
      }),
  };
}

/** Answers what the HTTP parser or its clock gave up on, where an answer is still possible. */
function refuse(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  connection: Connection | undefined,
  logger: Logger,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || connection === undefined) {
    socket.destroy();
    return;
  }
  const broken = connection.broken();
  if (broken === undefined) return;
  if (broken.within?.headersSent === true) {
    socket.destroy();
    return;
  }
  const [code, detail] = describe(error.code, broken.within !== undefined);
  const requestId = randomUUID();
  logger.info({ request_id: requestId, code, parser: error.code }, 'request refused');
  const body = JSON.stringify({ ...problem(code, detail), request_id: requestId });
  const status = problem(code).status;
  socket.end(
    `HTTP/1.1 ${status} ${status === 408 ? 'Request Timeout' : 'Bad Request'}\r\n` +
      `Content-Type: application/problem+json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function describe(parserCode: string | undefined, unfinished: boolean): [ErrorCode, string] {
  if (parserCode === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return ['request_timeout', 'The request took too long to arrive.'];
  }
  if (parserCode === 'HPE_HEADER_OVERFLOW') return ['request_malformed', 'The headers of the request are too large.'];
  if (unfinished) return ['upload_incomplete', 'The upload ended early, or its chunks are malformed.'];
  return ['request_malformed', 'The request is not valid HTTP.'];
}

/** `dropSilent` ends connections on which no request has begun, `ms` after the start of the draining. */
async function closeServer(server: Server, limitMs: number, dropSilent: (ms: number) => void): Promise<void> {
  const closed = new Promise<boolean>((resolve) => {
    server.close(() => {
      resolve(true);
    });
  });
  const began = performance.now();
  // A connection whose last request has just been answered is idle, and would be kept for its next one.
  while (!(await Promise.race([closed, delay(50, false)]))) {
    server.closeIdleConnections();
    const ms = performance.now() - began;
    dropSilent(ms);
    if (ms > limitMs) server.closeAllConnections();
  }
}
