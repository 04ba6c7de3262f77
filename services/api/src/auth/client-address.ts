/** By what address a client without a name is told from others. */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * IPv4 addresses as they are, in whichever form they come; of IPv6 the first 64 bits, as one subscriber has all that
 * begin with them and could otherwise be a new client at each request.
 */
export function clientAddress(ip: string | undefined): string {
  if (ip === undefined) return 'unknown';
  const address = ip.split('%', 1)[0] ?? ip;
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  // The WHATWG parser writes every notation of an address in the one canonical form.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => '0'), ...back];
  const isMapped = groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff';
  if (isMapped) {
    const bytes = groups.slice(6).flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
    return bytes.join('.');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
