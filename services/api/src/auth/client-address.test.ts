import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress } from './client-address.js';

describe('clientAddress', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['nonsense', 'unknown'],
    [undefined, 'unknown'],
  ])('%s is %s', (ip, address) => {
    expect(clientAddress(ip)).toBe(address);
  });

  it('is the same for all of a /64, and another for every other', () => {
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        const address = clientAddress(ip);
        expect(address).toMatch(/^([0-9a-f]{1,4}(:[0-9a-f]{1,4}){3}::\/64|\d+\.\d+\.\d+\.\d+)$/);
        if (address.endsWith('/64')) expect(clientAddress(address.replace('::/64', ':1:2:3:4'))).toBe(address);
      }),
    );
  });
});
