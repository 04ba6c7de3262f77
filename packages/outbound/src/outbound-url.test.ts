import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkOutboundUrl, isPublicAddress } from './outbound-url.js';

/** Forbidden hosts in every notation that a parser, a resolver or a cloud has been seen to understand. */
const privateUrls = [
  // Loopback: plain, short, decimal, octal, hexadecimal, mixed, and with dots behind
  'http://127.0.0.1/',
  'http://127.0.0.1./',
  'http://127.0.0.1../',
  'http://127.0.0.1:80/',
  'http://127.0.0.1:65535/x.jpg',
  'http://127.0.0.1:6379/',
  'http://127.1/',
  'http://127.0.1/',
  'http://127.1.1/',
  'http://127.255.255.254/',
  'http://2130706433/',
  'http://2130706433./',
  'http://0x7f000001/',
  'http://0x7F000001/',
  'http://0x7f.1/',
  'http://0x7f.0x0.0x0.0x1/',
  'http://0x7f.0.0.1/',
  'http://0x7f.0.01/',
  'http://017700000001/',
  'http://0177.0.0.1/',
  'http://0177.1/',
  'http://0177.0x0.0.1/',
  'http://00000177.0.0.1/',
  'http://127.0x1/',
  'http://127.0.0.0x1/',
  'http://127.00000.00000.00001/',
  // Unicode that IDNA maps to digits and dots, and percent-encoding
  'http://127。0。0。1/',
  'http://127．0．0．1/',
  'http://127｡0｡0｡1/',
  'http://１２７.０.０.１/',
  'http://①②⑦.⓪.⓪.①/',
  'http://𝟏𝟐𝟕.𝟎.𝟎.𝟏/',
  'http://２１３０７０６４３３/',
  'http://%31%32%37.0.0.1/',
  'http://127.0.0.%31/',
  'http://127%2e0%2e0%2e1/',
  'http://12\u00ad7.0.0.1/',
  // What parsers drop, add and turn round
  'http:127.0.0.1/',
  'http:/127.0.0.1/',
  'http:////127.0.0.1/',
  'http:\\\\127.0.0.1\\',
  ' http://127.0.0.1/ ',
  'http://127.0\t.0.\n1/',
  'HTTP://127.0.0.1/',
  'http://127.0.0.1#@example.com/',
  'http://127.0.0.1?@example.com/',
  'http://127.0.0.1\\@example.com/',
  // The other ranges
  'http://0.0.0.0/',
  'http://0/',
  'http://0.1/',
  'http://0x0/',
  'http://00/',
  'http://10.1.2.3/',
  'http://10.1/',
  'http://0x0a010203/',
  'http://012.1.2.3/',
  'http://167838211/',
  'http://100.64.0.1/',
  'http://100.100.100.200/latest/meta-data/',
  'http://169.254.169.254/latest/meta-data/',
  'http://169.254.43518/',
  'http://0xa9fea9fe/',
  'http://2852039166/',
  'http://0251.0376.0251.0376/',
  'http://169.254.169.254.:80/',
  'http://168.63.129.16/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.0.1/',
  'http://192.168.257/',
  'http://3232235521/',
  'http://192.0.0.192/',
  'http://192.0.2.1/',
  'http://198.18.0.1/',
  'http://198.51.100.7/',
  'http://203.0.113.9/',
  'http://224.0.0.1/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  'http://4294967295/',
  // IPv6: unspecified, loopback, and those that carry an IPv4 address
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[0000:0000:0000:0000:0000:0000:0000:0001]:8080/',
  'http://[::0001]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::FFFF:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[0:0:0:0:0:ffff:127.0.0.1]/',
  'http://[0:0:0:0:0:ffff:169.254.169.254]/',
  'http://[::ffff:a9fe:a9fe]/',
  'http://[::ffff:0:7f00:1]/',
  'http://[::127.0.0.1]/',
  'http://[::7f00:1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[64:ff9b:1::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[2002:a9fe:a9fe::1]/',
  'http://[2001:0:7f00:1::]/',
  'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/',
  'http://[2001:10::1]/',
  'http://[2001:db8::1]/',
  'http://[3fff::1]/',
  'http://[100::1]/',
  'http://[5f00::1]/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[fd20:ce::254]/',
  'http://[fe80::1]/',
  'http://[fec0::1]/',
  'http://[ff02::1]/',
  // Names
  'https://localhost/',
  'https://LOCALHOST./',
  'https://localhost../',
  'https://localhost:6379/',
  'https://ｌｏｃａｌｈｏｓｔ/',
  'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
  'https://loc%61lhost/',
  'https://any.localhost/',
  'https://localhost.localdomain/',
  'https://ip6-localhost/',
  'https://ip6-loopback/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://METADATA.google.internal./computeMetadata/v1/',
  'http://instance-data.ec2.internal/',
  'http://printer.local/',
  'http://router.home.arpa/',
];

describe('checkOutboundUrl', () => {
  it.each(privateUrls)('refuses %s, and takes it where private hosts are allowed', (url) => {
    expect(checkOutboundUrl(url, false)).toMatch(/not a public/);
    expect(checkOutboundUrl(url, true)).toBeUndefined();
  });

  it.each([
    'https://example.com/hook?token=1',
    'http://example.com:8080/',
    'http://EXAMPLE.com./',
    'https://8.8.8.8/',
    'https://134744072/',
    'https://172.32.0.1/',
    'https://100.128.0.1/',
    'https://[2606:4700::1111]/',
    'https://localhost.example.com/',
    'https://internal.example.com/',
    'https://notlocalhost/',
    'https://bücher.example/',
  ])('takes %s', (url) => {
    expect(checkOutboundUrl(url, false)).toBeUndefined();
    expect(checkOutboundUrl(new URL(url), false)).toBeUndefined();
  });

  it.each([
    ['ftp://example.com/', /http and https/],
    ['file:///etc/passwd', /http and https/],
    ['file://localhost/etc/passwd', /http and https/],
    ['gopher://127.0.0.1:6379/_FLUSHALL', /http and https/],
    ['data:image/png;base64,AA==', /http and https/],
    ['blob:https://example.com/1', /http and https/],
    ['javascript:alert(1)', /http and https/],
    ['ws://example.com/', /http and https/],
    ['jar:http://example.com!/', /http and https/],
    ['redis://localhost:6379', /http and https/],
    ['https://user:pass@example.com/', /passwords/],
    ['https://user@example.com/', /passwords/],
    ['https://:pass@example.com/', /passwords/],
    ['https://example.com@127.0.0.1/', /passwords/],
    ['https://%00@example.com/', /passwords/],
    ['/hook', /absolute/],
    ['//example.com/', /absolute/],
    ['example.com/a.jpg', /absolute/],
    ['', /absolute/],
    ['https://', /absolute/],
    ['https://exa mple.com/', /absolute/],
    ['https://example.com:99999/', /absolute/],
    ['https://example.com:a/', /absolute/],
    ['http://256.0.0.1/', /absolute/],
    ['http://1.2.3.4.5/', /absolute/],
    ['http://0x1ffffffff/', /absolute/],
    ['http://09.0.0.1/', /absolute/],
    ['http://[::1/', /absolute/],
    ['http://[fe80::1%25eth0]/', /absolute/],
    ['http://[fe80::1%eth0]/', /absolute/],
    ['http://[::ffff:127.0.0.1.]/', /absolute/],
    ['http://[::ffff:0x7f.1]/', /absolute/],
    ['http://[v1.127]/', /absolute/],
    ['http://127.0.0.1%00.example.com/', /absolute/],
  ])('refuses %s also where private hosts are allowed', (url, reason) => {
    for (const allowPrivate of [true, false]) expect(checkOutboundUrl(url, allowPrivate)).toMatch(reason);
  });
});

type Part = 'decimal' | 'octal' | 'hex' | 'HEX' | 'wide';

/** One number of an IPv4 host, as inet_aton and browsers read it. */
function written(value: number, part: Part, zeros: number): string {
  if (part === 'octal') return `0${'0'.repeat(zeros)}${value.toString(8)}`;
  if (part === 'hex') return `0x${'0'.repeat(zeros)}${value.toString(16)}`;
  if (part === 'HEX') return `0X${value.toString(16).toUpperCase()}`;
  const decimal = String(value);
  return part === 'wide' ? decimal.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))) : decimal;
}

/** `address` as one to four numbers: the last has the bytes that are left. */
function notation(address: number, count: number, parts: readonly Part[], zeros: number): string {
  const bytes = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
  const last = address % 2 ** (8 * (5 - count));
  const numbers = [...bytes.slice(0, count - 1), last];
  return numbers.map((value, index) => written(value, parts[index] ?? 'decimal', zeros)).join('.');
}

const notations = {
  count: fc.integer({ min: 1, max: 4 }),
  parts: fc.array(fc.constantFrom<Part>('decimal', 'octal', 'hex', 'HEX', 'wide'), { minLength: 4, maxLength: 4 }),
  zeros: fc.integer({ min: 0, max: 3 }),
  dot: fc.constantFrom('', '.'),
  port: fc.constantFrom('', ':80', ':6379', ':65535'),
};

/** First and last address of each range that is not public, written out once more. */
const privateRanges: readonly [number, number][] = [
  [0x00000000, 0x00ffffff],
  [0x0a000000, 0x0affffff],
  [0x64400000, 0x647fffff],
  [0x7f000000, 0x7fffffff],
  [0xa9fe0000, 0xa9feffff],
  [0xac100000, 0xac1fffff],
  [0xc0000000, 0xc00000ff],
  [0xc0000200, 0xc00002ff],
  [0xc0586300, 0xc05863ff],
  [0xc0a80000, 0xc0a8ffff],
  [0xc6120000, 0xc613ffff],
  [0xc6336400, 0xc63364ff],
  [0xcb007100, 0xcb0071ff],
  [0xe0000000, 0xffffffff],
];
const azure = 0xa83f8110;
const isPrivate = (address: number): boolean =>
  address === azure || privateRanges.some(([first, last]) => address >= first && address <= last);

const privateIpv4 = fc.oneof(
  ...privateRanges.map(([first, last]) =>
    fc.oneof(fc.integer({ min: first, max: last }), fc.constantFrom(first, last)),
  ),
);
const anyIpv4 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  // The neighbours of each range
  fc.constantFrom(
    ...privateRanges.flatMap(([first, last]) => [Math.max(0, first - 1), Math.min(0xffffffff, last + 1)]),
  ),
);
const hex = (address: number): string => `${(address >>> 16).toString(16)}:${(address & 0xffff).toString(16)}`;

describe('checkOutboundUrl, of random addresses', () => {
  it('refuses every private IPv4 address in every notation', () => {
    fc.assert(
      fc.property(fc.record({ address: privateIpv4, ...notations }), ({ address, count, parts, zeros, dot, port }) => {
        const url = `http://${notation(address, count, parts, zeros)}${dot}${port}/`;
        expect(checkOutboundUrl(url, false), url).toMatch(/not a public address/);
      }),
      { numRuns: 3000 },
    );
  });

  it('takes every other IPv4 address in every notation', () => {
    fc.assert(
      fc.property(fc.record({ address: anyIpv4, ...notations }), ({ address, count, parts, zeros, dot, port }) => {
        fc.pre(!isPrivate(address));
        const url = `http://${notation(address, count, parts, zeros)}${dot}${port}/`;
        expect(checkOutboundUrl(url, false), url).toBeUndefined();
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses every IPv6 address that carries an IPv4 address, whichever that is', () => {
    const carriers = [
      (address: number) => `::ffff:${hex(address)}`,
      (address: number) => `::${hex(address)}`,
      (address: number) => `::ffff:0:${hex(address)}`,
      (address: number) => `64:ff9b::${hex(address)}`,
      (address: number) => `64:ff9b:1::${hex(address)}`,
      (address: number) => `2002:${hex(address)}::1`,
      (address: number) => `2001:0:${hex(address)}::1`,
    ];
    fc.assert(
      fc.property(anyIpv4, fc.constantFrom(...carriers), fc.boolean(), (address, carrier, upper) => {
        const host = upper ? carrier(address).toUpperCase() : carrier(address);
        expect(checkOutboundUrl(`https://[${host}]/`, false), host).toMatch(/not a public address/);
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `http://${text}`),
        ),
        (url) => {
          expect(['string', 'undefined']).toContain(typeof checkOutboundUrl(url, false));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('isPublicAddress', () => {
  it('takes only addresses', () => {
    expect(isPublicAddress('8.8.4.4')).toBe(true);
    expect(isPublicAddress('2a00:1450::1')).toBe(true);
    expect(isPublicAddress('fe80::1%eth0')).toBe(false);
    expect(isPublicAddress('example.com')).toBe(false);
    expect(isPublicAddress('')).toBe(false);
  });
});
