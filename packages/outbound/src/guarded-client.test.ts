import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, LookupFunction, Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuardedClient, RefusedAddressError, parseRetryAfter } from './guarded-client.js';

let connections = 0;
const server = createServer((_request, response) => response.end('ok'));
server.on('connection', () => connections++);
let port = 0;

beforeAll(async () => {
  server.listen(0);
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => server.close());

const forever = new AbortController().signal;

/** The status of the answer, or the error that there was instead. */
async function get(url: string, client = new GuardedClient(false)): Promise<number | Error> {
  try {
    const { status, close } = await client.call(new URL(url), { headers: {}, signal: forever });
    close();
    return status;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Answers each name as told, both where all addresses are asked for and where one is. */
const resolving =
  (...addresses: string[]): LookupFunction =>
  (_name, options, callback) => {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all === true) callback(null, found);
    else callback(null, addresses[0] ?? '', found[0]?.family);
  };

const privateHosts = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '017700000001',
  '0177.0.0.1',
  '0.0.0.0',
  '0',
  'localhost',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '168.63.129.16',
  '172.16.0.1',
  '192.168.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::127.0.0.1]',
  '[2002:7f00:1::]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[ff02::1]',
];

describe('GuardedClient', () => {
  it.each(privateHosts)('refuses %s over http and https before it connects', async (host) => {
    connections = 0;
    expect(await get(`http://${host}:${port}/`)).toBeInstanceOf(RefusedAddressError);
    expect(await get(`https://${host}:${port}/`)).toBeInstanceOf(RefusedAddressError);
    expect(connections).toBe(0);
  });

  it.each(['127.0.0.1', '2130706433', 'localhost', '[::ffff:127.0.0.1]'])(
    'reaches %s where private hosts are allowed',
    async (host) => {
      expect(await get(`http://${host}:${port}/`, new GuardedClient(true))).toBe(200);
    },
  );

  it.each([
    [['127.0.0.1']],
    [['8.8.8.8', '127.0.0.1']],
    [['2606:4700::1111', '::1']],
    [['169.254.169.254']],
    [['168.63.129.16']],
    [['::ffff:10.0.0.1']],
    [['fe80::1%eth0']],
    // Ranges that lists of others have left out
    [['64:ff9b:1::7f00:1']],
    [['::7f00:1']],
    [['5f00::1']],
  ])('refuses a name that resolves to %j, and does not tell the address', async (addresses) => {
    connections = 0;
    const client = new GuardedClient(false, resolving(...addresses));
    for (const scheme of ['http', 'https']) {
      const error = await get(`${scheme}://picture.test:${port}/`, client);
      expect(error).toBeInstanceOf(RefusedAddressError);
      expect(String(error)).not.toContain(addresses.at(-1));
    }
    expect(connections).toBe(0);
  });

  it('tells a name that cannot be resolved from one that is refused', async () => {
    const lost: LookupFunction = (_name, _options, callback) => {
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
    };
    const error = await get('http://lost.test/', new GuardedClient(false, lost));
    expect(error).toMatchObject({ code: 'ENOTFOUND' });
    expect(error).not.toBeInstanceOf(RefusedAddressError);
  });

  it('gives all of an answer whose connection was closed before anybody read it', async () => {
    const size = 300_000;
    const sent = createServer((_request, response) => {
      response.writeHead(200, { connection: 'close', 'content-length': size }).end(Buffer.alloc(size));
    });
    await once(sent.listen(0, '127.0.0.1'), 'listening');
    const url = new URL(`http://127.0.0.1:${(sent.address() as AddressInfo).port}/`);
    const closed = new Promise((resolve) => {
      sent.once('connection', (socket) => socket.once('close', resolve));
    });
    const { body } = await new GuardedClient(true).call(url, { headers: {}, signal: forever });
    await closed;
    let read = 0;
    for await (const chunk of body) read += chunk.length;
    expect(read).toBe(size);
    sent.close();
  });

  it('follows redirects where it may, and takes credentials to no other origin', async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('there');
    });
    const first = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: `http://127.0.0.1:${(other.address() as AddressInfo).port}/` }).end();
    });
    for (const each of [first, other]) await once(each.listen(0, '127.0.0.1'), 'listening');
    const url = new URL(`http://127.0.0.1:${(first.address() as AddressInfo).port}/`);
    const call = { headers: { authorization: 'Basic eA==' }, signal: forever };
    for (const [maxRedirects, status] of [
      [0, 302],
      [3, 200],
    ] as const) {
      const answer = await new GuardedClient(true).call(url, { ...call, maxRedirects });
      answer.close();
      expect(answer.status).toBe(status);
    }
    expect(seen).toEqual(['Basic eA==', 'Basic eA==', undefined]);
    for (const each of [first, other]) each.close();
  });

  it('asks DNS once, and connects to the very address that it checked', async () => {
    let calls = 0;
    // What a rebinding name server does: a public address for the check, loopback for the connection.
    const rebinding: LookupFunction = (name, options, callback) => {
      calls++;
      const answer = resolving(calls === 1 ? '8.8.8.8' : '127.0.0.1');
      setImmediate(() => {
        answer(name, options, callback);
      });
    };
    const stop = new AbortController();
    const found: unknown[] = [];
    const watch = (message: unknown): void => {
      unsubscribe('net.client.socket', watch);
      (message as { socket: Socket }).socket.once('lookup', (_error, address: unknown) => {
        found.push(address);
        stop.abort(new Error('seen'));
      });
    };
    subscribe('net.client.socket', watch);
    const client = new GuardedClient(false, rebinding);
    const call = client.call(new URL(`http://rebind.test:${port}/`), { headers: {}, signal: stop.signal });
    await expect(call).rejects.toThrow('seen');
    expect(found).toEqual(['8.8.8.8']);
    expect(calls).toBe(1);
  });
});

describe('parseRetryAfter', () => {
  const now = new Date('2026-11-24T02:00:00Z');

  it('reads seconds and HTTP dates', () => {
    expect(parseRetryAfter('120', now)).toBe(120);
    expect(parseRetryAfter('Tue, 24 Nov 2026 02:01:30 GMT', now)).toBe(90);
    expect(parseRetryAfter('Tue, 24 Nov 2026 01:00:00 GMT', now)).toBe(0);
  });

  it('ignores what it cannot read', () => {
    for (const header of [undefined, '', ' ', 'soon', '-3', '1.5', 'Tue, 99 Nov']) {
      expect(parseRetryAfter(header, now)).toBeUndefined();
    }
  });

  it('never throws and never goes back in time', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const seconds = parseRetryAfter(header, now);
        expect(seconds === undefined || seconds >= 0).toBe(true);
      }),
    );
  });
});
