import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../../test/support/service-process.js';
import { Connections, mostUnanswered } from './connections.js';
import { startObservabilityServer } from './observability-server.js';

let server: Server;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

async function listen(listener: RequestListener, stalledMs?: number): Promise<number> {
  server = createServer((request, response) => {
    connections.admit(request, response, listener);
  });
  const connections = new Connections(server, stalledMs);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A connection on which `count` requests for /0, /1 and so on are sent in one write; it reads when it is told to. */
async function pipeline(port: number, count: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).pause();
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await new Promise((resolve) => socket.write(requests(count), resolve));
  return socket;
}

const requests = (count: number): string =>
  Array.from({ length: count }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`).join('');

/** What comes until the server ends the connection, or `enough` of it. */
async function read(socket: Socket, enough?: (text: string) => boolean): Promise<string> {
  let text = '';
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
      if (enough?.(text) === true) resolve();
    });
    socket.once('end', resolve).once('close', resolve);
  });
  socket.resume();
  await ended;
  return text;
}

const bodiesOf = (text: string): string[] => [...text.matchAll(/<(\/\d+) x*>/g)].map(([, path]) => path ?? '');
const paths = (count: number): string[] => Array.from({ length: count }, (_, index) => `/${index}`);
/** Large enough that none fits into what the kernel keeps. */
const large = 'x'.repeat(1024 * 1024);

describe('a client that sends ahead', () => {
  it('gets complete answers in order for as many as it may, and may go on', async () => {
    // The later are done the sooner.
    const port = await listen((request, response) => {
      setTimeout(() => response.end(`<${request.url ?? ''} >`), 20 - Number(request.url?.slice(1)));
    });
    const socket = await pipeline(port, mostUnanswered);
    for (let round = 0; round < 3; round++) {
      const text = await read(socket, (so) => bodiesOf(so).length === mostUnanswered);
      expect(bodiesOf(text)).toEqual(paths(mostUnanswered));
      socket.removeAllListeners('data').write(requests(mostUnanswered));
    }
  });

  it('gets no more than that where it sends more, complete, and then the end', async () => {
    const served = vi.fn<RequestListener>((request, response) => {
      response.end(`<${request.url ?? ''} ${large}>`);
    });
    const socket = await pipeline(await listen(served), 1400);
    await eventually(() => {
      expect(served).toHaveBeenCalled();
    });
    // It goes on sending, and is not reset for it before it has read.
    for (let i = 0; i < 5; i++) socket.write(requests(100));
    const text = await read(socket);
    expect(bodiesOf(text)).toEqual(paths(mostUnanswered));
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(mostUnanswered);
    expect(served).toHaveBeenCalledTimes(mostUnanswered);
  });

  it('is answered nothing behind the last answer of a connection', async () => {
    const served = vi.fn<RequestListener>((request, response) => {
      response.setHeader('Connection', 'close').end(`<${request.url ?? ''} >`);
    });
    const text = await read(await pipeline(await listen(served), 3));
    expect(bodiesOf(text)).toEqual(['/0']);
    expect(served).toHaveBeenCalledTimes(1);
  });

  it('and goes: each of its requests hears of it, not only the one whose turn it was', async () => {
    const closed: string[] = [];
    const served = vi.fn<RequestListener>((request, response) => {
      response.write('some');
      response.once('close', () => closed.push(request.url ?? ''));
    });
    const socket = await pipeline(await listen(served), 5);
    await eventually(() => {
      expect(served).toHaveBeenCalledTimes(5);
    });
    socket.destroy();
    await eventually(() => {
      expect(closed.sort()).toEqual(paths(5));
    });
  });
});

describe('a client that does not read', () => {
  it('is cut, whatever it still sends, and one that waits for its answer is not', async () => {
    const answers: (() => void)[] = [];
    const closed: string[] = [];
    const port = await listen((request, response) => {
      response.once('close', () => closed.push(`${request.url ?? ''} ${request.socket.destroyed ? 'cut' : 'taken'}`));
      if (request.url === '/0') answers.push(() => response.end('at last'));
      else response.end(large.repeat(32));
    }, 200);
    const waiting = await pipeline(port, 1);
    const silent = connect({ port, host: '127.0.0.1' }).pause();
    sockets.push(silent);
    silent.on('error', () => undefined).write('GET /silent HTTP/1.1\r\nHost: a\r\n\r\n');
    const timer = setInterval(() => silent.write('G'), 20);
    await eventually(() => {
      expect(closed).toEqual(['/silent cut']);
    });
    clearInterval(timer);
    for (const answer of answers) answer();
    expect(await read(waiting, (text) => text.includes('at last'))).toContain('at last');
  });
});

describe('the server for those who watch', () => {
  it('makes no more answers for one connection either', async () => {
    const refresh = vi.fn(() => Promise.resolve());
    const own = await startObservabilityServer({
      host: '127.0.0.1',
      port: 0,
      registry: new Registry(),
      readiness: () => Promise.resolve({ ready: true, reasons: [] }),
      refresh,
    });
    const socket = connect(own.port, '127.0.0.1');
    sockets.push(socket);
    socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1400));
    const text = await read(socket);
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(mostUnanswered);
    expect(refresh).toHaveBeenCalledTimes(mostUnanswered);
    await own.close();
    await listen(() => undefined);
  });
});
