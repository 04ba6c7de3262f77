/**
 * Who shares the places of this process with others when a client's address is called (fair-shares.ts): the client, the host,
 * and what one party could make many hosts of.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Party } from './share-ledger.js';

/** A host has less than a group of hosts, so that a slow one leaves something to its neighbours. */
const hostPerFree = 2;
const groupPerFree = 3;

/**
 * Those who count for a call of `url` by `client`, undefined where clients have no names. Of a host, ports do not count: whoever
 * has one has 65,535. Names count together by their last two labels, as all below those may be one party's. `mostOfHost`: the
 * places that a host may hold at most.
 */
export function partiesOf(client: string | undefined, url: URL, mostOfHost?: number): Party[] {
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const network = networkOf(host);
  const most = mostOfHost === undefined ? {} : { most: mostOfHost };
  const parties: Party[] = [{ name: `host ${network ?? host}`, perFree: hostPerFree, ...most }];
  if (client !== undefined) parties.push({ name: `client ${client}`, perFree: groupPerFree });
  if (network !== undefined) parties.push(...addressParties([host]));
  else if (host.includes('.')) {
    parties.push({ name: `domain ${host.split('.').slice(-2).join('.')}`, perFree: groupPerFree });
  }
  return parties;
}

/** Those who count once a name is resolved: many names may be one machine's. */
export function addressParties(addresses: readonly string[]): Party[] {
  const networks = new Set(addresses.map((address) => networkOf(address) ?? address));
  return [...networks].map((network) => ({ name: `address ${network}`, perFree: groupPerFree }));
}

/** An IPv4 address as it is; of IPv6 the first 64 bits, as whoever has an address has all that begin with them. */
function networkOf(host: string): string | undefined {
  if (isIPv4(host)) return host;
  if (!isIPv6(host)) return undefined;
  // The WHATWG parser writes every notation of an address in the one canonical form.
  const canonical = new URL(`http://[${host.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [front = [], back = []] = canonical.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}
