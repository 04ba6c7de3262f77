import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgents, isRefusal, type Resolver } from './guarded-agents.js';

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

/** The status of the answer, or the error that there was instead. */
function get(url: string, agents = createAgents(false)): Promise<number | Error> {
  const secure = url.startsWith('https:');
  return new Promise((resolve) => {
    const request = secure
      ? httpsRequest(new URL(url), { agent: agents.https })
      : httpRequest(new URL(url), { agent: agents.http });
    request.on('error', resolve);
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.end();
  });
}

const refused = async (answer: Promise<number | Error>): Promise<boolean> => {
  const result = await answer;
  return result instanceof Error && isRefusal(result);
};

/** Answers each name as told, both where all addresses are asked for and where one is. */
const resolving =
  (...addresses: string[]): Resolver =>
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

describe('createAgents', () => {
  it.each(privateHosts)('refuses %s over http and https before it connects', async (host) => {
    connections = 0;
    expect(await refused(get(`http://${host}:${port}/`))).toBe(true);
    expect(await refused(get(`https://${host}:${port}/`))).toBe(true);
    expect(connections).toBe(0);
  });

  it.each(['127.0.0.1', '2130706433', 'localhost', '[::ffff:127.0.0.1]'])(
    'reaches %s where private hosts are allowed',
    async (host) => {
      expect(await get(`http://${host}:${port}/`, createAgents(true))).toBe(200);
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
    // Ranges that request-filtering-agent alone lets through
    [['64:ff9b:1::7f00:1']],
    [['::7f00:1']],
    [['5f00::1']],
  ])('refuses a name that resolves to %j, and does not tell the address', async (addresses) => {
    connections = 0;
    const agents = createAgents(false, resolving(...addresses));
    for (const scheme of ['http', 'https']) {
      const error = await get(`${scheme}://picture.test:${port}/`, agents);
      expect(error instanceof Error && isRefusal(error), String(error)).toBe(true);
      expect(String(error)).not.toContain(addresses.at(-1));
    }
    expect(connections).toBe(0);
  });

  it('tells a name that cannot be resolved from one that is refused', async () => {
    const lost: Resolver = (_name, _options, callback) => {
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
    };
    const error = await get('http://lost.test/', createAgents(false, lost));
    expect(error).toMatchObject({ code: 'ENOTFOUND' });
    expect(isRefusal(error as Error)).toBe(false);
  });

  it('asks DNS once, and connects to the very address that it checked', async () => {
    let calls = 0;
    // What a rebinding name server does: a public address for the check, loopback for the connection.
    const rebinding: Resolver = (name, options, callback) => {
      calls++;
      const answer = resolving(calls === 1 ? '8.8.8.8' : '127.0.0.1');
      setImmediate(() => {
        answer(name, options, callback);
      });
    };
    const outgoing = httpRequest({ host: 'rebind.test', port, agent: createAgents(false, rebinding).http });
    outgoing.on('error', () => undefined);
    const address = await new Promise<string>((resolve) => {
      outgoing.once('socket', (socket) => {
        socket.once('lookup', (_error, found: string) => {
          socket.destroy();
          resolve(found);
        });
      });
    });
    expect(address).toBe('8.8.8.8');
    expect(calls).toBe(1);
  });
});
