import { describe, expect, it } from 'vitest';
import { checkWebhookUrl, isPublicAddress } from './webhook-url.js';

const privateUrls = [
  'http://127.0.0.1/',
  'http://127.0.0.1./',
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.1/',
  'http://017700000001/',
  'http://0177.0.0.1/',
  'http://127。0。0。1/',
  'http://%31%32%37.0.0.1/',
  'http://0.0.0.0/',
  'http://0/',
  'http://10.1.2.3/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://168.63.129.16/',
  'http://172.31.255.255/',
  'http://192.168.0.1/',
  'http://192.0.0.192/',
  'http://198.18.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://[::]/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[0:0:0:0:0:ffff:169.254.169.254]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b:1::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:7f00:1::]/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[fe80::1]/',
  'http://[fec0::1]/',
  'http://[ff02::1]/',
  'https://localhost/',
  'https://LOCALHOST./',
  'https://any.localhost/',
];

describe('checkWebhookUrl', () => {
  it.each(privateUrls)('refuses %s, and takes it where private hosts are allowed', (url) => {
    expect(checkWebhookUrl(url, false)).toMatch(/not a public/);
    expect(checkWebhookUrl(url, true)).toBeUndefined();
  });

  it.each([
    'https://example.com/hook?token=1',
    'http://example.com:8080/',
    'https://8.8.8.8/',
    'https://172.32.0.1/',
    'https://100.128.0.1/',
    'https://[2606:4700::1111]/',
    'https://localhost.example.com/',
  ])('takes %s', (url) => {
    expect(checkWebhookUrl(url, false)).toBeUndefined();
  });

  it('refuses other schemes, credentials and what is no URL, also where private hosts are allowed', () => {
    for (const allowPrivate of [true, false]) {
      expect(checkWebhookUrl('ftp://example.com/', allowPrivate)).toMatch(/http and https/);
      expect(checkWebhookUrl('file:///etc/passwd', allowPrivate)).toMatch(/http and https/);
      expect(checkWebhookUrl('https://user:pass@example.com/', allowPrivate)).toMatch(/passwords/);
      expect(checkWebhookUrl('/hook', allowPrivate)).toMatch(/absolute/);
      expect(checkWebhookUrl('https://', allowPrivate)).toMatch(/absolute/);
    }
  });
});

describe('isPublicAddress', () => {
  it('takes only addresses', () => {
    expect(isPublicAddress('8.8.4.4')).toBe(true);
    expect(isPublicAddress('2a00:1450::1')).toBe(true);
    expect(isPublicAddress('example.com')).toBe(false);
    expect(isPublicAddress('')).toBe(false);
  });
});
