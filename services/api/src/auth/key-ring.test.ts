import { createApiKey, type ApiKeyEntry } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { openKeyFile } from './key-file.js';
import { KeyRing } from './key-ring.js';

describe('KeyRing', () => {
  it('knows each key by its hash, and no other', () => {
    const ring = new KeyRing();
    const made = ['a', 'b', 'c'].map((name) => createApiKey(name, ['read']));
    ring.replace(made.map(({ entry }) => entry));
    for (const { key, entry } of made) expect(ring.find(key)).toEqual(entry);
    const [first] = made;
    const other = createApiKey('a', ['read']).key;
    for (const key of [other, '', 'qk_', `${first?.key ?? ''}x`, first?.entry.hash ?? '', first?.key.slice(3) ?? '']) {
      expect(ring.find(key)).toBeUndefined();
    }
  });

  it('lets a client have two keys while one replaces the other', () => {
    const ring = new KeyRing();
    const [old, next] = [createApiKey('shop', ['read']), createApiKey('shop', ['read'])];
    ring.replace([old.entry, next.entry]);
    expect([ring.find(old.key)?.name, ring.find(next.key)?.name]).toEqual(['shop', 'shop']);
    ring.replace([next.entry]);
    expect([ring.find(old.key)?.name, ring.find(next.key)?.name]).toEqual([undefined, 'shop']);
    expect(() => {
      ring.replace([next.entry, { ...next.entry, name: 'other' }]);
    }).toThrow('the same key');
    expect(ring.size).toBe(1);
  });
});

describe('openKeyFile', () => {
  const entry = (name: string): ApiKeyEntry => createApiKey(name, ['read']).entry;

  function file(content: string | Error) {
    const log: string[] = [];
    const applied: string[][] = [];
    const state = { content };
    const opened = openKeyFile({
      read: () => (state.content instanceof Error ? Promise.reject(state.content) : Promise.resolve(state.content)),
      apply: (entries) => applied.push(entries.map(({ name }) => name)),
      logger: { info: () => log.push('info'), error: (fields: unknown) => log.push(JSON.stringify(fields)) } as never,
    });
    return { state, log, applied, opened };
  }

  it('takes each good version, once', async () => {
    const { state, log, applied, opened } = file(JSON.stringify([entry('a')]));
    const check = await opened;
    await check();
    state.content = JSON.stringify([entry('a'), entry('b')]);
    await check();
    await check();
    expect(applied).toEqual([['a'], ['a', 'b']]);
    expect(log).toEqual(['info']);
  });

  it('goes on with the last good one through whatever else comes, and says so once for each', async () => {
    const { state, log, applied, opened } = file(JSON.stringify([entry('a')]));
    const check = await opened;
    for (const bad of ['[{"name": "a"', '', '[]', new Error('ENOENT: no such file')]) {
      state.content = bad;
      await check();
      await check();
    }
    expect(applied).toEqual([['a']]);
    expect(log).toEqual([
      '{"reason":"it is not JSON"}',
      '{"reason":"it is not JSON"}',
      '{"reason":"it has no entry"}',
      '{"reason":"ENOENT: no such file"}',
    ]);
    state.content = JSON.stringify([entry('b')]);
    await check();
    expect(applied.at(-1)).toEqual(['b']);
  });

  it('does not open with a bad one', async () => {
    await expect(file('[]').opened).rejects.toThrow('it has no entry');
    await expect(file(new Error('ENOENT')).opened).rejects.toThrow('ENOENT');
  });
});
