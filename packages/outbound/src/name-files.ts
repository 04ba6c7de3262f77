/**
 * What the system's own look-up of names reads before it asks anybody: the hosts file and resolv.conf. c-ares, as Node's
 * `dns.Resolver` uses it, knows neither the first nor `search` and `ndots` of the second.
 *
 * Both are small, local, and read again when they have changed; a container's are rewritten under a running process. They are
 * read synchronously, as an asynchronous read would wait for a thread of libuv's pool, and looked at once in `freshMs` at most.
 */
import { Resolver } from 'node:dns';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

export interface NameServers {
  /** Addresses, with a port where it is not 53. */
  readonly servers: readonly string[];
  /** Domains that complete a short name, in order. */
  readonly search: readonly string[];
  /** A name with fewer dots is completed first, and taken as it is after that. */
  readonly ndots: number;
}

const freshMs = 1000;
/** More than these nobody needs; glibc stops at as many servers, and at a number of dots. */
const mostServers = 3;
const mostSearched = 8;
const mostDots = 15;

/** Addresses by name, in lower case; the lines' order. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = words(line.replace(/#.*/, ''));
    if (isIP(address) === 0) continue;
    for (const name of names.map((each) => each.toLowerCase())) {
      const known = hosts.get(name);
      if (known === undefined) hosts.set(name, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}

export function parseResolvConf(text: string, host = hostname()): NameServers {
  const servers: string[] = [];
  const domain = host.replace(/^[^.]*\.?/, '');
  let search = domain === '' ? [] : [domain];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = words(line.replace(/[#;].*/, ''));
    const [first = ''] = values;
    if (keyword === 'nameserver' && isServer(first)) servers.push(first);
    // The last of either counts.
    else if (keyword === 'search') search = values;
    else if (keyword === 'domain') search = values.slice(0, 1);
    else if (keyword === 'options') {
      for (const option of values) ndots = Number(/^ndots:(\d+)$/.exec(option)?.[1] ?? ndots);
    }
  }
  return {
    servers: servers.length === 0 ? ['127.0.0.1'] : servers.slice(0, mostServers),
    search: search.map((each) => each.replace(/\.$/, '')).filter((each) => each !== ''),
    ndots: Math.min(ndots, mostDots),
  };
}

function words(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}

function isServer(text: string): boolean {
  try {
    new Resolver().setServers([text]);
    return true;
  } catch {
    return false;
  }
}

/** What `parse` makes of the file at `path`, as it is now; of an empty one where there is none. */
export function watched<T>(path: string, parse: (text: string) => T, now: () => number): () => T {
  let seen: { readonly version: string; readonly value: T } | undefined;
  let looked = -Infinity;
  return () => {
    if (seen !== undefined && now() - looked < freshMs) return seen.value;
    looked = now();
    const version = versionOf(path);
    if (seen?.version !== version) seen = { version, value: parse(read(path)) };
    return seen.value;
  };
}

function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'none' : [found.mtimeMs, found.size, found.ino].join(' ');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The names under which `name` is looked for, in order. A dot at the end says that it is complete. */
export function candidates(name: string, { search, ndots }: Pick<NameServers, 'search' | 'ndots'>): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = search.slice(0, mostSearched).map((domain) => `${name}.${domain}`);
  return name.split('.').length - 1 >= ndots ? [name, ...completed] : [...completed, name];
}
