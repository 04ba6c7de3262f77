/**
 * Looks names up as Node's `dns.lookup` does, without its threads. `dns.lookup` holds one of libuv's few threads (four, unless
 * told otherwise) until the name servers have answered, which for a name whose servers are slow takes up to a minute: eight such
 * names would hold up every other name, and in a worker the decoding of pictures. c-ares waits on sockets instead.
 *
 *   literal address | hosts file | special name (RFC 6761, 7686)  → answered without asking anybody
 *   each candidate of `search`: A and AAAA at once, from each server in turn, twice
 *       → addresses | no such name: the next candidate | no answer: EAI_AGAIN
 *
 * Invariants: a look-up ends within `totalMs`; one question has one answer within `queryMs` or none; whoever asks for a name
 * that is being looked up shares that look-up, so a slow name costs its servers and us one, however many ask for it. How many
 * names one client may have looked up at once follows from the places that it may hold (fair-shares.ts).
 * Trade-offs: nothing is kept once it is answered, as `dns.lookup` keeps nothing; the name server nearby does. nsswitch.conf is not
 * read: files come before DNS, and mDNS, NIS and the like are not asked.
 * A channel of c-ares for each question costs 0.1 ms and gives it a port of its own. A shared one would learn from quick
 * answers to give up on slow ones, and skips no server that answers SERVFAIL.
 */
import { ADDRCONFIG, Resolver, getDefaultResultOrder, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { candidates, parseHosts, parseResolvConf, watched } from './name-files.js';

export interface LookupSettings {
  readonly hostsFile: string;
  readonly resolvConf: string;
  readonly queryMs: number;
  readonly totalMs: number;
  /** Whether this machine has an address by which it could reach others over IPv6. */
  readonly hasIPv6: () => boolean;
  /** In ms, for how fresh the files are. */
  readonly now: () => number;
}

const defaults: LookupSettings = {
  hostsFile: '/etc/hosts',
  resolvConf: '/etc/resolv.conf',
  queryMs: 2000,
  totalMs: 6000,
  hasIPv6: () =>
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .some(({ family, internal, address }) => family === 'IPv6' && !internal && !/^fe[89ab]/i.test(address)),
  now: () => performance.now(),
};

type Family = 4 | 6;

const rounds = 2;
/** A name with thousands of addresses is nobody's need. */
const mostAddresses = 32;
const loopback: readonly string[] = ['127.0.0.1', '::1'];

/** Of these, another server knows nothing else, and the next candidate may exist. */
const absent: readonly (string | null)[] = ['ENOTFOUND', 'ENODATA', 'EBADNAME'];

/** What `dns.lookup` says, too: whoever asked does not have to know who looked. */
class LookupError extends Error {
  readonly syscall = 'lookup';

  constructor(
    readonly code: 'ENOTFOUND' | 'EAI_AGAIN',
    readonly hostname: string,
  ) {
    super(`lookup ${code} ${hostname}`);
    this.name = 'LookupError';
  }
}

export function createLookup(over: Partial<LookupSettings> = {}): LookupFunction {
  const settings = { ...defaults, ...over };
  const hosts = watched(settings.hostsFile, parseHosts, settings.now);
  const nameServers = watched(settings.resolvConf, (text) => parseResolvConf(text), settings.now);
  const underWay = new Map<string, Promise<readonly string[]>>();

  const find = (name: string, families: readonly Family[]): Promise<readonly string[]> => {
    const known = knownAddresses(name, hosts());
    if (known !== undefined) return Promise.resolve(known);
    const key = `${families.join()} ${name}`;
    let search = underWay.get(key);
    if (search === undefined) {
      search = ask(name, families, nameServers(), settings).finally(() => underWay.delete(key));
      underWay.set(key, search);
    }
    return search;
  };

  return (hostname, options, callback) => {
    const hasIPv6 = settings.hasIPv6();
    const families = familiesOf(options, hasIPv6);
    find(hostname.toLowerCase(), families).then(
      (addresses) => {
        const found = inOrder(addresses, families, order(options, hasIPv6));
        const [first] = found;
        if (first === undefined) callback(new LookupError('ENOTFOUND', hostname), '');
        else if (options.all === true) callback(null, found);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error instanceof LookupError ? error : new LookupError('EAI_AGAIN', hostname), '');
      },
    );
  };
}

/** What needs no name server, with the hosts file first; undefined for all others. */
function knownAddresses(name: string, hosts: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  if (isIP(name) !== 0) return [name];
  const complete = name.replace(/\.$/, '');
  const listed = hosts.get(complete);
  if (listed !== undefined) return listed;
  if (/(^|\.)localhost$/.test(complete)) return loopback;
  return complete === '' || /(^|\.)(invalid|onion)$/.test(complete) ? [] : undefined;
}

async function ask(
  name: string,
  families: readonly Family[],
  { servers, ...completion }: ReturnType<typeof parseResolvConf>,
  { queryMs, totalMs }: LookupSettings,
): Promise<readonly string[]> {
  const end = performance.now() + totalMs;
  let unanswered = false;
  for (const candidate of candidates(name, completion)) {
    const answers = await Promise.all(families.map((family) => askServers(candidate, family, servers, queryMs, end)));
    const found = answers.flatMap((answer) => answer ?? []);
    if (found.length > 0) return found;
    unanswered ||= answers.includes(undefined);
    if (performance.now() >= end) break;
  }
  throw new LookupError(unanswered ? 'EAI_AGAIN' : 'ENOTFOUND', name);
}

/** The addresses of one family, none where there are none; undefined where no server has told. */
async function askServers(
  name: string,
  family: Family,
  servers: readonly string[],
  queryMs: number,
  end: number,
): Promise<readonly string[] | undefined> {
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      const leftMs = Math.ceil(end - performance.now());
      if (leftMs <= 0) return undefined;
      const answer = await query(name, family, server, Math.min(queryMs, leftMs));
      if (answer !== undefined) return answer;
    }
  }
  return undefined;
}

function query(
  name: string,
  family: Family,
  server: string,
  timeoutMs: number,
): Promise<readonly string[] | undefined> {
  return new Promise((resolve) => {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
    // A truncated answer is asked for again over TCP, where c-ares' time limit begins anew.
    const limit = setTimeout(() => {
      resolver.cancel();
    }, timeoutMs);
    const answered = (error: NodeJS.ErrnoException | null, addresses: string[] | undefined): void => {
      clearTimeout(limit);
      if (error === null) resolve((addresses ?? []).slice(0, mostAddresses));
      else resolve(absent.includes(error.code ?? null) ? [] : undefined);
    };
    resolver.setServers([server]);
    if (family === 4) resolver.resolve4(name, answered);
    else resolver.resolve6(name, answered);
  });
}

function familiesOf({ family, hints = 0 }: LookupOptions, hasIPv6: boolean): readonly Family[] {
  if (family === 4 || family === 'IPv4') return [4];
  if (family === 6 || family === 'IPv6') return [6];
  // Where nothing can be reached over IPv6, its addresses are not worth a question.
  return (hints & ADDRCONFIG) !== 0 && !hasIPv6 ? [4] : [4, 6];
}

/** Which family comes first. The system prefers IPv6 where it can be used (RFC 6724). */
function order({ order, verbatim }: LookupOptions, hasIPv6: boolean): Family {
  const asked = order ?? (verbatim === undefined ? getDefaultResultOrder() : verbatim ? 'verbatim' : 'ipv4first');
  if (asked === 'ipv4first') return 4;
  return asked === 'ipv6first' || hasIPv6 ? 6 : 4;
}

function inOrder(addresses: readonly string[], families: readonly Family[], first: Family): LookupAddress[] {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return found
    .filter(({ family }) => families.some((each) => each === family))
    .sort((a, b) => Number(b.family === first) - Number(a.family === first));
}
