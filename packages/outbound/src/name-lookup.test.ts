/** Names against name servers on loopback, and files of the test's own in the place of the system's. */
import { ADDRCONFIG, type LookupAddress, type LookupOptions } from 'node:dns';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startNameServer, type Answer, type NameServer } from '../../../test/support/name-server.js';
import { createLookup, type LookupSettings } from './name-lookup.js';

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const each of cleanUp.splice(0)) each();
});

async function server(answer: (name: string, type: 'A' | 'AAAA') => Answer | Promise<Answer>): Promise<NameServer> {
  const started = await startNameServer(answer);
  cleanUp.push(started.stop);
  return started;
}

const zone =
  (names: Readonly<Record<string, Answer>>) =>
  (name: string): Answer =>
    names[name] ?? 'NXDOMAIN';

interface System extends Partial<LookupSettings> {
  readonly servers?: readonly NameServer[];
  readonly lines?: string;
  readonly hosts?: string;
}

function system({ servers = [], lines = '', hosts = '', ...over }: System) {
  const folder = mkdtempSync(join(tmpdir(), 'quintet-names-'));
  cleanUp.push(() => {
    rmSync(folder, { recursive: true });
  });
  const [hostsFile, resolvConf] = [join(folder, 'hosts'), join(folder, 'resolv.conf')];
  writeFileSync(hostsFile, hosts);
  const listed = servers.map(({ address }) => `nameserver ${address}\n`).join('');
  // Without the line, the domain of the machine that runs the test would be searched.
  writeFileSync(resolvConf, `search .\n${listed}${lines}`);
  const lookup = createLookup({ hostsFile, resolvConf, queryMs: 5000, totalMs: 15_000, hasIPv6: () => true, ...over });
  const ask = (name: string, options: LookupOptions = {}): Promise<LookupAddress[]> =>
    new Promise((resolve, reject) => {
      lookup(name, { all: true, ...options }, (error, found, family) => {
        if (error !== null) reject(error);
        else resolve(typeof found === 'string' ? [{ address: found, family: family ?? 0 }] : found);
      });
    });
  const addresses = async (name: string, options: LookupOptions = {}): Promise<string[]> =>
    (await ask(name, options)).map(({ address }) => address);
  const code = async (name: string, options: LookupOptions = {}): Promise<unknown> =>
    ask(name, options).then(
      () => 'found',
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
  return { ask, addresses, code, hostsFile };
}

describe('createLookup', () => {
  it('gives the addresses of both families, or of the one that is asked for, all or the first', async () => {
    const names = await server(
      zone({ 'both.test': ['192.0.2.1', '2001:db8::1', '192.0.2.2'], 'four.test': ['192.0.2.4'] }),
    );
    const { ask, addresses, code } = system({ servers: [names] });
    expect(await addresses('both.test')).toEqual(['2001:db8::1', '192.0.2.1', '192.0.2.2']);
    expect(await addresses('Both.TEST.', { order: 'ipv4first' })).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
    expect(await ask('both.test', { family: 4 })).toEqual([
      { address: '192.0.2.1', family: 4 },
      { address: '192.0.2.2', family: 4 },
    ]);
    expect(await ask('both.test', { all: false, family: 'IPv6' })).toEqual([{ address: '2001:db8::1', family: 6 }]);
    expect(await addresses('four.test')).toEqual(['192.0.2.4']);
    expect(await code('four.test', { family: 6 })).toBe('ENOTFOUND');
    expect(await code('nobody.test')).toBe('ENOTFOUND');
  });

  it('prefers IPv4, and asks for nothing else on request, where nothing can be reached over IPv6', async () => {
    const names = await server(zone({ 'both.test': ['192.0.2.1', '2001:db8::1'] }));
    const { addresses } = system({ servers: [names], hasIPv6: () => false });
    expect(await addresses('both.test')).toEqual(['192.0.2.1', '2001:db8::1']);
    names.asked.length = 0;
    expect(await addresses('both.test', { hints: ADDRCONFIG })).toEqual(['192.0.2.1']);
    expect(names.asked).toEqual(['A both.test']);
  });

  it('takes the hosts file first, as it is now, and asks nobody for what it or a standard says', async () => {
    const names = await server(() => ['192.0.2.9']);
    const hosts =
      '127.0.0.1 localhost me # no.more\n192.0.2.7\tReceiver receiver.lan\n192.0.2.8 receiver\nnonsense here\n';
    let now = 0;
    const { addresses, code, hostsFile } = system({ servers: [names], hosts, now: () => now });
    expect(await addresses('receiver')).toEqual(['192.0.2.7', '192.0.2.8']);
    expect(await addresses('localhost')).toEqual(['127.0.0.1']);
    expect(await addresses('any.localhost', { order: 'ipv4first' })).toEqual(['127.0.0.1', '::1']);
    expect(await addresses('192.0.2.5')).toEqual(['192.0.2.5']);
    expect(await code('name.invalid')).toBe('ENOTFOUND');
    expect(await code('hidden.onion')).toBe('ENOTFOUND');
    expect(names.asked).toEqual([]);
    expect(await addresses('no.more')).toEqual(['192.0.2.9']);

    writeFileSync(hostsFile, '192.0.2.70 receiver\n');
    now += 1000;
    expect(await addresses('receiver')).toEqual(['192.0.2.70']);
  });

  it('completes short names as a cluster or a compose network has them', async () => {
    const names = await server(
      zone({
        'hook.default.svc.cluster.local': ['192.0.2.1'],
        'hook.prod.svc.cluster.local': ['192.0.2.2'],
        'www.example.com': ['192.0.2.3'],
        hook: ['192.0.2.4'],
      }),
    );
    const lines = 'search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n';
    const cluster = system({ servers: [names], lines });
    expect(await cluster.addresses('hook', { family: 4 })).toEqual(['192.0.2.1']);
    expect(await cluster.addresses('hook.prod', { family: 4 })).toEqual(['192.0.2.2']);
    expect(await cluster.addresses('www.example.com', { family: 4 })).toEqual(['192.0.2.3']);
    expect(await cluster.addresses('hook.', { family: 4 })).toEqual(['192.0.2.4']);
    expect(names.asked).toEqual([
      'A hook.default.svc.cluster.local',
      'A hook.prod.default.svc.cluster.local',
      'A hook.prod.svc.cluster.local',
      'A www.example.com.default.svc.cluster.local',
      'A www.example.com.svc.cluster.local',
      'A www.example.com.cluster.local',
      'A www.example.com',
      'A hook',
    ]);
    const compose = system({ servers: [names], lines: 'search example.com\n' });
    expect(await compose.addresses('www', { family: 4 })).toEqual(['192.0.2.3']);
    expect(names.asked.at(-1)).toBe('A www.example.com');
    expect(await compose.code('nobody.test')).toBe('ENOTFOUND');
    expect(names.asked).toContain('A nobody.test.example.com');
  });

  it('asks the next server where one does not answer or cannot tell', async () => {
    const silent = await server(() => 'nothing');
    const broken = await server(() => 'SERVFAIL');
    const good = await server(zone({ 'a.test': ['192.0.2.1'] }));
    const { addresses, code } = system({ servers: [silent, broken, good], queryMs: 500 });
    expect(await addresses('a.test')).toEqual(['192.0.2.1']);
    expect(await code('b.test')).toBe('ENOTFOUND');
  });

  it('gives up in time, with the code of a failure that may pass', async () => {
    const silent = await server(() => 'nothing');
    const broken = await server(() => 'SERVFAIL');
    expect(await system({ servers: [broken] }).code('a.test')).toBe('EAI_AGAIN');
    expect(await system({ servers: [silent, broken], totalMs: 100 }).code('a.test')).toBe('EAI_AGAIN');
  });

  it('has others wait for a name that is slow no more than for none, however many are asked for', async () => {
    let release: (answer: Answer) => void = () => undefined;
    const held = new Promise<Answer>((resolve) => (release = resolve));
    const names = await server((name) => (name.endsWith('.slow.test') ? held : ['192.0.2.1']));
    const { addresses } = system({ servers: [names], queryMs: 60_000, totalMs: 60_000 });
    const ended: string[] = [];
    const slow = Array.from({ length: 200 }, async (_, n) => {
      const found = await addresses(`${n % 100}.slow.test`);
      ended.push('slow');
      return found;
    });
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        await addresses(`quick-${n}.test`);
        ended.push('quick');
      }),
    );
    // The threads of libuv are free, too.
    await stat(tmpdir()).then(() => ended.push('file'));
    expect(ended).toEqual([...Array<string>(20).fill('quick'), 'file']);
    // Twice the same name is one question, of each family.
    expect(names.asked.filter((question) => question.endsWith('.slow.test'))).toHaveLength(200);
    release(['192.0.2.2']);
    expect((await Promise.all(slow)).every(([address]) => address === '192.0.2.2')).toBe(true);
  });
});
