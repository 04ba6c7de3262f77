/**
 * A port for those who watch a service: GET /health/live, /health/ready and /metrics, and nothing else. The only one of a
 * service that has no API.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { Connections } from './connections.js';
import type { ReadinessCheck } from './readiness.js';

export interface ObservabilityServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const json = (status: number, value: unknown): Reply => ({
  status,
  type: 'application/json; charset=utf-8',
  body: JSON.stringify(value),
});

/** Listens on `port` (0: a free one). Rejects where the port is taken. */
export async function startObservabilityServer(options: {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly readiness: ReadinessCheck;
  /** Brings up to date what is not counted as it happens, before each answer. */
  readonly refresh?: () => Promise<void>;
}): Promise<ObservabilityServer> {
  const answer = async (method: string | undefined, url: string | undefined): Promise<Reply> => {
    const path = url?.split('?')[0];
    if (method !== 'GET' && method !== 'HEAD') return json(405, { status: 'method_not_allowed' });
    if (path === '/health/live') return json(200, { status: 'live' });
    if (path === '/health/ready') {
      const { ready, reasons } = await options.readiness();
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', reasons });
    }
    if (path === '/metrics') {
      await options.refresh?.();
      return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
    }
    return json(404, { status: 'not_found' });
  };
  const respond: RequestListener = (request, response) => {
    answer(request.method, request.url)
      .catch((error: unknown) => json(500, { status: 'error', detail: String(error) }))
      .then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, ...(status === 405 ? { allow: 'GET, HEAD' } : {}) });
        response.end(body);
      })
      .catch(() => response.destroy());
  };
  const server = createServer((request, response) => {
    connections.admit(request, response, respond);
  });
  const connections = new Connections(server);
  const port = await listen(server, options.port, options.host);
  return { port, close: () => closeServer(server) };
}

/** Listens and resolves to the port. */
async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
