import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { GuardedClient } from '@quintet/outbound';
import { afterEach, describe, expect, it } from 'vitest';
import { maxAnswerBytes, send } from './send.js';

const client = new GuardedClient(true);
const open: Server[] = [];

async function receiver(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=1`);
}

afterEach(() => {
  for (const server of open.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

function post(url: URL, timeoutMs = 2000, signal = new AbortController().signal) {
  return send({ url, headers: { 'x-test': 'yes' }, body: '{"ü":1}', timeoutMs, client, signal });
}

describe('send', () => {
  it('posts the body and headers as they are', async () => {
    let seen = '';
    const url = await receiver((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        seen = `${request.method} ${request.url} ${String(request.headers['x-test'])} ${Buffer.concat(chunks).toString()}`;
        response.writeHead(204).end();
      });
    });
    expect(await post(url)).toEqual({ kind: 'answered', status: 204, retryAfter: undefined });
    expect(seen).toBe('POST /hook?token=1 yes {"ü":1}');
  });

  it('does not follow a redirect', async () => {
    let requests = 0;
    const url = await receiver((_request, response) => {
      requests++;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await post(url)).toMatchObject({ status: 307 });
    expect(requests).toBe(1);
  });

  it('reports Retry-After', async () => {
    const url = await receiver((_request, response) => response.writeHead(503, { 'retry-after': '7' }).end());
    expect(await post(url)).toEqual({ kind: 'answered', status: 503, retryAfter: '7' });
  });

  it('gives up on a receiver that says nothing, and closes the connection', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await receiver((request) => {
      // Not `once` of node:events: it fails where the client's reset comes first.
      closed = new Promise((resolve) => request.socket.once('close', resolve));
    });
    expect(await post(url, 150)).toEqual({ kind: 'timeout' });
    await closed;
  });

  it('gives up on a receiver that drips its headers', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n');
      const drip = setInterval(() => socket.write('x-drip: 1\r\n'), 20);
      socket.on('close', () => {
        clearInterval(drip);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(await post(url, 200)).toEqual({ kind: 'timeout' });
    server.close();
  });

  it('takes the status of a receiver that drips its body, and hangs up in time', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await receiver((request, response) => {
      // Not `once` of node:events: it fails where the client's reset comes first.
      closed = new Promise((resolve) => request.socket.once('close', resolve));
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => {
        clearInterval(drip);
      });
    });
    expect(await post(url, 200)).toMatchObject({ kind: 'answered', status: 200 });
    await closed;
  });

  it('reads no more than it must of an endless answer', async () => {
    let sent = 0;
    const url = await receiver((_request, response) => {
      const chunk = Buffer.alloc(16 * 1024);
      const pour = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', pour);
      pour();
    });
    expect(await post(url, 5000)).toMatchObject({ kind: 'answered', status: 200 });
    expect(sent).toBeLessThan(maxAnswerBytes * 200);
  });

  it('names the failure of a connection', async () => {
    const url = await receiver(() => undefined);
    const server = open.splice(0)[0];
    server?.close();
    if (server !== undefined) await once(server, 'close');
    expect(await post(url)).toEqual({ kind: 'connection_failed', code: 'ECONNREFUSED' });
  });

  it('reports a connection that the receiver cuts', async () => {
    const url = await receiver((request) => request.socket.destroy());
    expect(await post(url)).toEqual({ kind: 'connection_failed', code: 'ECONNRESET' });
  });

  it('ends early when it is interrupted', async () => {
    const controller = new AbortController();
    const url = await receiver(() => {
      controller.abort();
    });
    expect(await post(url, 5000, controller.signal)).toEqual({ kind: 'interrupted' });
    expect(await post(url, 5000, controller.signal)).toEqual({ kind: 'interrupted' });
  });
});
