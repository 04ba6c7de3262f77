import { once } from 'node:events';
import { connect } from 'node:net';
import { createLogger, problemSchema } from '@quintet/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../../test/support/service-process.js';
import { startServer, type ApiServer } from './server.js';

const logger = createLogger('test', 'silent');
const limits = { headersMs: 150, requestMs: 300, checkMs: 30, keepAliveMs: 60_000 };
const servers: ApiServer[] = [];

async function start(app: Parameters<typeof startServer>[0]): Promise<ApiServer> {
  const server = await startServer(app, { host: '127.0.0.1', port: 0, logger, limits });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(1000)));
});

/** All that the server says to a client that sends `text`, and then one byte again and again. */
async function trickle(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  let answer = '';
  socket.on('data', (data) => (answer += data.toString()));
  socket.on('error', () => undefined);
  socket.write(text);
  const timer = setInterval(() => socket.write('x'), 20);
  // Not `once` of node:events: it fails where a reset comes first.
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(timer);
  return answer;
}

function codeOf(answer: string): string {
  return problemSchema.parse(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).code;
}

describe('startServer', () => {
  it('gives up on headers and bodies that never end, and says so', async () => {
    const { port } = await start((request) => {
      request.resume();
    });
    const headers = await trickle(port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    expect(headers).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(codeOf(headers)).toBe('request_timeout');
    const body = await trickle(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
    expect(codeOf(body)).toBe('request_timeout');
  });

  it('finishes the answers that are under way when what comes behind them is not HTTP', async () => {
    let answer: (() => void) | undefined;
    const { port } = await start((request, response) => {
      if (request.url === '/begun') response.write('begun, ');
      const end = () => response.end('answered');
      if (request.url === '/begun') answer = end;
      else request.resume().once('end', end);
    });
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.write('GET /begun HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.write('POST /half HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n');
    await eventually(() => {
      expect(text).toContain('begun, ');
    });
    answer?.();
    await once(socket, 'end');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
    expect(text.match(/begun, |answered/g)).toEqual(['begun, ', 'answered', 'answered']);
  });

  it('rejects where the port is taken', async () => {
    const { port } = await start((_request, response) => response.end());
    await expect(startServer(() => undefined, { host: '127.0.0.1', port, logger })).rejects.toThrow('EADDRINUSE');
  });

  it('closes by letting requests finish, and idle connections go', async () => {
    let finish: (() => void) | undefined;
    const server = await start((request, response) => {
      if (request.url === '/idle') response.end('idle');
      else finish = () => response.end('done');
    });
    const idle = await fetch(`http://127.0.0.1:${server.port}/idle`);
    await idle.text();
    const open = fetch(`http://127.0.0.1:${server.port}/open`);
    await eventually(() => {
      expect(finish).toBeDefined();
    });
    const closed = server.close(10_000);
    finish?.();
    expect(await (await open).text()).toBe('done');
    await closed;
  });

  it('does not wait for connections on which nothing, or half a head, is said', async () => {
    const server = await start((_request, response) => response.end());
    const sockets = ['', 'GET / HT'].map((text) => {
      const socket = connect({ port: server.port, host: '127.0.0.1' });
      socket.on('error', () => undefined).write(text);
      return socket;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const ended = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    // Longer than any test waits.
    await Promise.all([server.close(3_600_000), ended]);
  });

  it('cuts what does not finish in time', async () => {
    const server = await start(() => undefined);
    const open = fetch(`http://127.0.0.1:${server.port}/`);
    await Promise.all([expect(open).rejects.toThrow(), server.close(100)]);
  });

  it('serves on while it leaves, and ends each connection with its next answer', async () => {
    const server = await start((_request, response) => response.end('served'));
    const ask = () => fetch(`http://127.0.0.1:${server.port}/`);
    expect((await ask()).headers.get('connection')).toBe('keep-alive');
    server.leave();
    const answer = await ask();
    expect([await answer.text(), answer.headers.get('connection')]).toEqual(['served', 'close']);
    expect(await (await ask()).text()).toBe('served');
  });

  it('serves what was sent ahead while it leaves', async () => {
    const answers: (() => void)[] = [];
    const server = await start((_request, response) => {
      answers.push(() => response.end('served'));
    });
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    socket.write(request);
    await eventually(() => {
      expect(answers).toHaveLength(1);
    });
    server.leave();
    socket.write(request.repeat(2));
    await eventually(() => {
      expect(answers).toHaveLength(3);
    });
    for (const answer of answers) answer();
    await once(socket, 'close');
    expect(text.match(/served/g)).toHaveLength(3);
    expect(text.match(/^Connection: .*$/gm)).toEqual(['Connection: close']);
  });
});
