import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgents, isRefusal } from './guarded-agents.js';
import { send } from './send.js';

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

const post = (url: string, allowPrivate: boolean) =>
  send({
    url: new URL(url),
    headers: {},
    body: '{}',
    timeoutMs: 2000,
    agents: createAgents(allowPrivate),
    signal: new AbortController().signal,
  });

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
    expect((await post(`http://${host}:${port}/`, false)).kind).toBe('refused');
    expect((await post(`https://${host}:${port}/`, false)).kind).toBe('refused');
    expect(connections).toBe(0);
  });

  it.each(['127.0.0.1', '2130706433', 'localhost', '[::ffff:127.0.0.1]'])(
    'reaches %s where private hosts are allowed',
    async (host) => {
      expect(await post(`http://${host}:${port}/`, true)).toMatchObject({ kind: 'answered', status: 200 });
    },
  );

  it('refuses a name of which one address is private', async () => {
    const answers = [
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const lookup: LookupFunction = (_name, _options, callback) => {
      callback(null, answers);
    };
    const outgoing = request({ host: 'mixed.test', port, agent: createAgents(false).http, lookup });
    const [error] = (await once(outgoing, 'error')) as [Error];
    expect(isRefusal(error)).toBe(true);
  });

  it('asks DNS once, and connects to the very address that it checked', async () => {
    let calls = 0;
    const lookup: LookupFunction = (_name, _options, callback) => {
      calls++;
      // What a rebinding name server does: a public address for the check, loopback for the connection.
      const answer = [{ address: calls === 1 ? '8.8.8.8' : '127.0.0.1', family: 4 }];
      setImmediate(() => {
        callback(null, answer);
      });
    };
    const outgoing = request({ host: 'rebind.test', port, agent: createAgents(false).http, lookup });
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
