import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpFetch, type HttpFetch } from './http-fetch.js';

let server: Server;
let http: HttpFetch;
let respond: RequestListener;

beforeEach(async () => {
  http = createHttpFetch();
  server = createServer((request, response) => {
    respond(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  http.close();
  server.close();
  server.closeAllConnections();
});

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

/** Many chunks, and how many of them were asked for. */
function countedStream(chunks: number): { stream: ReadableStream<Uint8Array>; read: () => number } {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (pulled++ === chunks) controller.close();
        else controller.enqueue(new Uint8Array(64 * 1024));
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, read: () => pulled };
}

describe('fetch over node:http', () => {
  it('sends bytes with their length and answers with status, headers and body, on one connection', async () => {
    const ports = new Set<number | undefined>();
    respond = (request, response) => {
      ports.add(request.socket.remotePort);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.writeHead(201, { 'x-length': request.headers['content-length'] }).end(Buffer.concat(chunks));
      });
    };
    for (const body of ['grüße', Buffer.from('grüße')]) {
      const response = await http.fetch(url(), { method: 'POST', headers: {}, body });
      expect(response.status).toBe(201);
      expect(response.headers.get('x-length')).toBe('7');
      expect(response.headers.get('x-other')).toBeNull();
      expect(await response.text()).toBe('grüße');
    }
    expect(ports.size).toBe(1);
  });

  it('streams an upload, and reads of it only as fast as it goes', async () => {
    respond = (request, response) => {
      let length = 0;
      request.on('data', (chunk: Buffer) => (length += chunk.length));
      request.on('end', () => response.end(String(length)));
    };
    const { stream } = countedStream(40);
    const response = await http.fetch(url(), { method: 'POST', headers: {}, body: stream });
    expect(await response.text()).toBe(String(40 * 64 * 1024));
  });

  it('sends nothing of an upload that is refused before it', async () => {
    server.on('checkContinue', (_, response) => {
      response.writeHead(503, { 'content-type': 'text/plain' }).end('full');
    });
    const { stream, read } = countedStream(1000);
    const response = await http.fetch(url(), {
      method: 'POST',
      headers: { 'content-length': '65536000' },
      body: stream,
    });
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('full');
    expect(read()).toBe(0);
  });

  it('rejects where the connection is refused or cut, in the answer too, and where the signal aborts', async () => {
    respond = (request) => {
      request.socket.destroy();
    };
    await expect(http.fetch(url(), { method: 'GET', headers: {} })).rejects.toThrow();
    respond = (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('part');
      setImmediate(() => request.socket.destroy());
    };
    const cut = await http.fetch(url(), { method: 'GET', headers: {} });
    await expect(cut.text()).rejects.toThrow();
    respond = () => undefined;
    const controller = new AbortController();
    const hanging = http.fetch(url(), { method: 'GET', headers: {}, signal: controller.signal });
    controller.abort();
    await expect(hanging).rejects.toThrow();
  });
});
