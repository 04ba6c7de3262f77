import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type LookupFunction, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GuardedClient } from '@quintet/outbound';
import { afterEach, describe, expect, it } from 'vitest';
import { download, headBytes, maxRedirects, type DownloadSettings } from './download.js';
import { FetchError } from './fetch-error.js';

const open: Server[] = [];

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const server of open.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** Every name is 127.0.0.1, which this client reaches, while the text of an address is judged as in production. */
const everywhere: LookupFunction = (_name, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

const settings: DownloadSettings = {
  client: new GuardedClient(true, everywhere),
  allowPrivateHosts: false,
  maxBytes: 100_000,
  userAgent: 'Test/1',
  checkHead: () => undefined,
};

const forever = new AbortController().signal;

const failureOf = async (url: string, over: Partial<DownloadSettings> = {}, signal = forever): Promise<FetchError> => {
  const error: unknown = await download(url, { ...settings, ...over }, signal).catch((reason: unknown) => reason);
  if (error instanceof FetchError) return error;
  throw new Error(`no FetchError: ${String(error)}`);
};

describe('download', () => {
  it('gives the bytes, in one piece or many, with or without a length', async () => {
    const body = Buffer.alloc(50_000, 'quintet');
    const port = await serve((request, response) => {
      if (request.url === '/length') response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, 20_000));
      setTimeout(() => response.end(body.subarray(20_000)), 20);
    });
    for (const path of ['length', 'chunked']) {
      expect((await download(`http://pictures.test:${port}/${path}`, settings, forever)).equals(body)).toBe(true);
    }
  });

  it('costs what there is, however small the pieces are that it comes in', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const size = 90_000;
    let finish = (): void => undefined;
    const server = createTcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        socket.write('1\r\nx\r\n'.repeat(size));
      });
      finish = () => socket.end('0\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const held = (): number => {
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const arrived = new Promise<void>((resolve) => {
      let left = size;
      const onChunk = (message: unknown): void => {
        left -= (message as { chunk: Buffer }).chunk.length;
        if (left > 0) return;
        unsubscribe('undici:request:bodyChunkReceived', onChunk);
        resolve();
      };
      subscribe('undici:request:bodyChunkReceived', onChunk);
    });
    const before = held();
    const bytes = download(`http://slow.test:${(server.address() as AddressInfo).port}/`, settings, forever);
    await arrived;
    // What has arrived is taken up in the same turn.
    await nextTurn();
    expect((held() - before) / size).toBeLessThan(30);
    finish();
    expect((await bytes).equals(Buffer.alloc(size, 'x'))).toBe(true);
    server.close();
  });

  it('reads an answer that ends with its connection, as HTTP/1.0 has it', async () => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://old.test:${(server.address() as AddressInfo).port}/`;
    expect((await download(url, settings, forever)).toString()).toBe('all of it');
    server.close();
  });

  it('checks every redirect by its text before it asks for it', async () => {
    const asked: string[] = [];
    const port = await serve((request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      const location = request.url === '/a' ? `http://b.test:${port}/b` : `http://127.0.0.1:${port}/secret`;
      response.writeHead(302, { location }).end();
    });
    const error = await failureOf(`http://a.test:${port}/a`);
    expect(error).toMatchObject({ code: 'image_url_refused', again: undefined });
    expect(error.detail).toMatch(/b\.test.* redirects to an address that is not allowed: 127\.0\.0\.1/);
    expect(asked).toEqual([`a.test:${port}/a`, `b.test:${port}/b`]);
  });

  it('refuses a name whose address is private, and does not tell the address', async () => {
    const error = await failureOf('http://outer.test/', { client: new GuardedClient(false, everywhere) });
    expect(error).toMatchObject({ code: 'image_url_refused', again: undefined });
    expect(error.detail).not.toContain('127.0.0.1');
  });

  it('counts redirects', async () => {
    const port = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(307, { location: `/${left - 1}` }).end();
    });
    const url = (count: number): string => `http://a.test:${port}/${count}`;
    expect((await download(url(maxRedirects), settings, forever)).toString()).toBe('there');
    expect((await failureOf(url(maxRedirects + 1))).code).toBe('image_url_redirects');
  });

  it.each([
    '',
    'identity',
    'base64',
    'utf-8',
    'aws-chunked',
    'binary',
    'UTF-8, aws-chunked',
    'none',
    'image/jpeg',
    ',',
  ])('ignores a Content-Encoding that is no compression: "%s"', async (encoding) => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end('as it is');
    });
    expect((await download(`http://a.test:${port}/`, settings, forever)).toString()).toBe('as it is');
  });

  it.each(['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'compress', 'GZIP', 'aws-chunked, gzip', 'identity,br'])(
    'refuses a compression by its name: %s',
    async (encoding) => {
      const port = await serve((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding }).end('compressed');
      });
      const error = await failureOf(`http://a.test:${port}/`);
      expect(error).toMatchObject({ code: 'image_format_unsupported', again: undefined });
      const name = encoding.toLowerCase().split(/, ?/).at(-1) ?? '';
      expect(error.detail).toContain(`compressed with ${name}, though it was asked for no compression`);
    },
  );

  it.each([
    ['/写真/é.jpg?q=ü', '/%E5%86%99%E7%9C%9F/%C3%A9.jpg?q=%C3%BC'],
    ['写真.jpg', '/first/%E5%86%99%E7%9C%9F.jpg'],
    ['//bücher.test:PORT/é', '/%C3%A9', 'xn--bcher-kva.test'],
    ['http://bücher.test:PORT/a b.jpg#part', '/a%20b.jpg', 'xn--bcher-kva.test'],
    ['  ../a b.jpg  ', '/a%20b.jpg'],
    ['/already%20escaped/%E5', '/already%20escaped/%E5'],
    // A byte that is no UTF-8 is kept as it is.
    [Buffer.from('/caf\xe9.jpg', 'latin1'), '/caf%E9.jpg'],
  ])('follows a Location as browsers do: %s', async (location, path, host = 'a.test') => {
    const asked: string[] = [];
    const server = createTcpServer((socket) => {
      socket.once('data', (data) => {
        const request = data.toString('latin1');
        asked.push(`${/^GET (\S+)/.exec(request)?.[1]} ${/host: (.*)/i.exec(request)?.[1]?.trim()}`);
        if (asked.length > 1) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere');
        else {
          const told = typeof location === 'string' ? Buffer.from(location.replace('PORT', String(port))) : location;
          socket.write('HTTP/1.1 302 Found\r\nLocation: ');
          socket.write(told);
          socket.end('\r\nContent-Length: 0\r\n\r\n');
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect((await download(`http://a.test:${port}/first/one`, settings, forever)).toString()).toBe('there');
    expect(asked[1]).toBe(`${path} ${host}:${port}`);
    server.close();
  });

  it('asks for an address with other characters as browsers do', async () => {
    const asked: string[] = [];
    const port = await serve((request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      response.end('there');
    });
    await download(`http://bücher.test:${port}/写真 1.jpg?q=é#x`, settings, forever);
    expect(asked).toEqual([`xn--bcher-kva.test:${port}/%E5%86%99%E7%9C%9F%201.jpg?q=%C3%A9`]);
  });

  it('shows the first bytes once, and stops where they are wrong', async () => {
    const seen: number[] = [];
    let closed = false;
    const port = await serve((_request, response) => {
      const timer = setInterval(() => response.write(Buffer.alloc(1000)), 1);
      response.on('close', () => {
        closed = true;
        clearInterval(timer);
      });
    });
    const checkHead = (head: Buffer): void => {
      seen.push(head.length);
      throw new FetchError('image_format_unsupported', 'zeros');
    };
    expect((await failureOf(`http://a.test:${port}/`, { checkHead })).code).toBe('image_format_unsupported');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBeGreaterThanOrEqual(headBytes);
    await expect.poll(() => closed).toBe(true);
  });

  it('ends with the reason of its signal, wherever it is: in the look-up, the connection, the headers, the body', async () => {
    const never: LookupFunction = () => undefined;
    const silent = createTcpServer();
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const silentPort = (silent.address() as AddressInfo).port;
    const port = await serve((_request, response) => response.writeHead(200).write('a'));
    const cases: [string, Partial<DownloadSettings>][] = [
      ['http://slow-dns.test/', { client: new GuardedClient(true, never) }],
      [`http://a.test:${silentPort}/`, {}],
      [`https://a.test:${silentPort}/`, {}],
      [`http://a.test:${port}/`, {}],
    ];
    for (const [url, over] of cases) {
      const controller = new AbortController();
      const reason = new Error('enough');
      setTimeout(() => {
        controller.abort(reason);
      }, 50);
      await expect(download(url, { ...settings, ...over }, controller.signal), url).rejects.toBe(reason);
      await expect(download(url, { ...settings, ...over }, controller.signal), url).rejects.toBe(reason);
    }
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it('takes nonsense for a connection that failed', async () => {
    const answers = [
      'nonsense\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\n',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort',
      '',
    ];
    for (const answer of answers) {
      const server = createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(answer));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const error = await failureOf(`http://a.test:${(server.address() as AddressInfo).port}/`);
      expect(error.code, answer.slice(0, 60)).toBe('image_url_unreachable');
      expect(error.again).toBeDefined();
      server.close();
    }
  });
});
