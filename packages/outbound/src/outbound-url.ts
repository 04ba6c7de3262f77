/**
 * Whether this service may call an address that a client gave it, as far as the address itself tells. The API asks before
 * it accepts a job, and whoever calls asks again, at every redirect; that a name does not resolve to a private address
 * can only be seen when it is resolved, which guarded-client.ts does at every connection.
 * Source of the ranges: IANA's special-purpose address registries (RFC 6890); everything "not globally reachable".
 */
import { BlockList, isIP } from 'node:net';

/** Longest address that is taken, in characters. */
export const maxUrlLength = 2048;

const ipv4Ranges: readonly [string, number][] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // Azure's platform address: public by its number, but answered by the host
  ['169.254.0.0', 16], // link-local, with the clouds' metadata services
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 3], // multicast, reserved, broadcast
];

/** Outside 2000::/3 nothing is global unicast; inside it, these are not, or carry an IPv4 address that was not checked. */
const ipv6Ranges: readonly [string, number][] = [
  ['::', 3], // unspecified, loopback, IPv4-compatible, IPv4-mapped, NAT64, discard
  ['4000::', 2],
  ['8000::', 1], // unique local, link-local, site-local, multicast
  ['2001::', 23], // protocol assignments, with Teredo
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['3fff::', 20], // documentation
];

/**
 * Names that are private wherever they resolve: RFC 6761 (localhost), RFC 6762 (local), RFC 8375 (home.arpa), ICANN's
 * reservation of `internal`, under which the clouds have their metadata services, and what /etc/hosts of Linux has.
 */
const privateNames = /(^|\.)(localhost|localdomain|local|internal|home\.arpa|ip6-localhost|ip6-loopback)$/;

// Two lists: in one, Node compares an IPv4 address with the IPv6 rules in its mapped form, which `::/3` contains.
const blocked4 = new BlockList();
for (const [network, prefix] of ipv4Ranges) blocked4.addSubnet(network, prefix, 'ipv4');
const blocked6 = new BlockList();
for (const [network, prefix] of ipv6Ranges) blocked6.addSubnet(network, prefix, 'ipv6');

/** Whether `address`, an IPv4 or IPv6 address without brackets, is reachable from the whole internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !blocked4.check(address, 'ipv4');
  return family === 6 && !blocked6.check(address, 'ipv6');
}

/**
 * Why `url` must not be called, in words for its author; undefined where it may. Numeric hosts count in every notation
 * (`2130706433`, `0x7f.1`, `[::ffff:127.0.0.1]`), as the WHATWG parser reads them like an HTTP client does.
 */
export function checkOutboundUrl(url: string | URL, allowPrivate: boolean): string | undefined {
  if (typeof url === 'string' && !URL.canParse(url)) return 'it is not an absolute URL';
  const { protocol, username, password, hostname } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') return 'only http and https are allowed';
  if (username !== '' || password !== '') return 'user names and passwords in the URL are not allowed';
  if (hostname === '') return 'it has no host';
  if (allowPrivate) return undefined;
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
  if (isIP(host) !== 0) return isPublicAddress(host) ? undefined : `${host} is not a public address`;
  return host === '' || privateNames.test(host) ? `${hostname} is not a public host` : undefined;
}
