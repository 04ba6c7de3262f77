import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiKeysError, createApiKey, digestOfKey, isKey, parseApiKeys } from './api-key.js';

const hash = `sha256:${'ab'.repeat(32)}`;

describe('createApiKey', () => {
  it('makes a key of 256 random bits, and an entry that does not tell it', () => {
    const { key, entry } = createApiKey('shop', ['submit']);
    expect(key).toMatch(/^qk_[A-Za-z0-9_-]{43}$/);
    expect(isKey(key)).toBe(true);
    expect(entry).toEqual({
      name: 'shop',
      hash: `sha256:${digestOfKey(key).toString('hex')}`,
      scopes: ['submit'],
    });
    expect(JSON.stringify(entry)).not.toContain(key);
    expect(createApiKey('shop', ['submit']).key).not.toBe(key);
    expect(parseApiKeys(JSON.stringify([entry]))).toEqual([entry]);
  });

  it('refuses a name that could not be one', () => {
    for (const name of ['', ' ', 'a b', '../x', 'a:b', 'x'.repeat(65)]) {
      expect(() => createApiKey(name, ['read'])).toThrow();
    }
  });
});

describe('parseApiKeys', () => {
  it('gives submit and read where no scopes are named, and takes limits', () => {
    expect(parseApiKeys(JSON.stringify([{ name: 'shop', hash, rate_per_minute: 600, concurrency: 0 }]))).toEqual([
      { name: 'shop', hash, scopes: ['submit', 'read'], rate_per_minute: 600, concurrency: 0 },
    ]);
  });

  it.each([
    ['{', 'it is not JSON'],
    ['{}', 'it is not a JSON array'],
    ['[]', 'it has no entry'],
    ['[null]', 'entry 0'],
    [JSON.stringify([{ name: 'shop' }]), 'entry 0: hash'],
    [JSON.stringify([{ name: 'shop', hash: 'sha256:abc' }]), 'entry 0: hash: expected sha256: and 64 hex digits'],
    [JSON.stringify([{ name: 'shop', hash: hash.toUpperCase() }]), 'entry 0: hash'],
    [JSON.stringify([{ name: 'shop', hash, scopes: [] }]), 'entry 0: scopes'],
    [JSON.stringify([{ name: 'shop', hash, scopes: ['root'] }]), 'entry 0: scopes.0'],
    [JSON.stringify([{ name: 'shop', hash, concurrency: -1 }]), 'entry 0: concurrency'],
    [JSON.stringify([{ name: 'shop', hash, rate: 1 }]), 'entry 0'],
    [JSON.stringify([{ name: 'a b', hash }]), 'entry 0: name'],
    [
      JSON.stringify([
        { name: 'a', hash },
        { name: 'b', hash },
      ]),
      'a and b have the same key',
    ],
  ])('refuses %s, and says where', (json, reason) => {
    expect(() => parseApiKeys(json)).toThrow(reason);
  });

  it('tells nothing of what it refuses: it may be the key itself', () => {
    const { key } = createApiKey('shop', ['read']);
    const mistakes = [
      `[{"name": "shop", "hash": "${key}"}]`,
      `[{"name": "${key}", "hash": "${hash}", "scopes": ["${key}"]}]`,
      `[{"name": "shop", "hash": ${key}}]`,
      key,
    ];
    for (const mistake of mistakes) {
      expect(() => parseApiKeys(mistake)).toThrow(ApiKeysError);
      try {
        parseApiKeys(mistake);
      } catch (error) {
        expect(String(error)).not.toContain(key);
      }
    }
  });

  it('reads or refuses anything, and never fails otherwise', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          parseApiKeys(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiKeysError);
        }
      }),
    );
  });
});

describe('isKey', () => {
  it('knows keys by their form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) =>
        isKey(`qk_${Buffer.from(bytes).toString('base64url')}`),
      ),
    );
    for (const text of ['', 'qk_', `qk_${'a'.repeat(42)}`, `qk_${'a'.repeat(44)}`, `sk_${'a'.repeat(43)}`]) {
      expect(isKey(text)).toBe(false);
    }
  });
});
