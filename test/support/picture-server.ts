/** A server that has pictures, and misbehaves as told: for jobs that name an `image_url`. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers the `number`th request (from 1) to one path. */
export type Answer = (response: ServerResponse, number: number, request: IncomingMessage) => void;

export interface Visit {
  readonly headers: IncomingHttpHeaders;
  readonly at: number;
  /** Whether the client has closed the connection before it had the whole answer. */
  leftEarly: boolean;
}

export interface PictureServer {
  readonly port: number;
  /** The address of a new path that is answered so. */
  at(answer: Answer, host?: string): string;
  /** The requests to an address that `at` gave. */
  visits(url: string): readonly Visit[];
  stop(): Promise<void>;
}

/** An answer that never comes. */
export const hang: Answer = () => undefined;

export const send =
  (body: Buffer | string, headers: Record<string, string> = {}, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
  };

export const redirect =
  (location: string, status = 302, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { location, ...headers }).end();
  };

export async function startPictureServer(): Promise<PictureServer> {
  const answers: Answer[] = [];
  const visits: Visit[][] = [];
  const indexOf = (path: string): number => Number(/^\/(\d+)\//.exec(path)?.[1] ?? -1);
  const server = createServer((request, response) => {
    const index = indexOf(request.url ?? '');
    const answer = answers[index];
    const here = visits[index];
    if (answer === undefined || here === undefined) {
      response.writeHead(404).end();
      return;
    }
    const visit: Visit = { headers: request.headers, at: performance.now(), leftEarly: false };
    here.push(visit);
    response.on('close', () => {
      visit.leftEarly = !response.writableFinished;
    });
    answer(response, here.length, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    at: (answer, host = '127.0.0.1') => {
      visits.push([]);
      return `http://${host}:${port}/${answers.push(answer) - 1}/picture?token=hidden`;
    },
    visits: (url) => visits[indexOf(new URL(url).pathname)] ?? [],
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
