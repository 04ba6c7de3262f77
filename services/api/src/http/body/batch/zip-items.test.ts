import { open, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../../../../../test/support/service-process.js';
import { makeZip, type ZipMember } from '../../../../../../test/fixtures/archives/index.js';
import { codeOf, fromZip, limits } from './collect.test-support.js';
import { zipItems } from './zip-items.js';

const photo = Buffer.from('not really a photo, but bytes are bytes here');
const member = (name: string, more: Partial<ZipMember> = {}): ZipMember => ({ name, content: photo, ...more });

const members = fc.array(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 20 }).map((name) => `a/x${name.replaceAll(/[/\\]/g, '_')}.jpg`),
    content: fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
    method: fc.constantFrom('store' as const, 'deflate' as const),
  }),
  { maxLength: 20 },
);

describe('zipItems', () => {
  it('gives every file of an archive, in order, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(members, async (list) => {
        expect(await fromZip(makeZip(list))).toEqual(list.map(({ name, content }) => [name, content]));
      }),
      { numRuns: 50 },
    );
  });

  it('does not blame an archive for a disk that cannot be read', async () => {
    // A folder: it can be opened, and not read.
    const handle = await open(tmpdir());
    try {
      await expect(zipItems({ size: 1000, handle }, limits).next()).rejects.toMatchObject({ code: 'EISDIR' });
    } finally {
      await handle.close();
    }
  });

  it('takes paths out of the archive for the labels that they are', async () => {
    const names = ['../../etc/passwd', '/etc/passwd', 'C:/autoexec.bat', 'a/../b.jpg'];
    expect(await fromZip(makeZip(names.map((name) => member(name))))).toEqual(names.map((name) => [name, photo]));
  });

  it('passes over folders, links and by-files', async () => {
    const archive = makeZip([
      member('folder/', { mode: 0o040755 }),
      member('link.jpg', { mode: 0o120777 }),
      member('__MACOSX/._a.jpg'),
      member('x/.DS_Store'),
      member('x/a.jpg'),
    ]);
    expect(await fromZip(archive)).toEqual([['x/a.jpg', photo]]);
  });

  it('fails the item that is encrypted, damaged, too large, or not what it says, and no other', async () => {
    const zeros = Buffer.alloc(2_000_000);
    const archive = makeZip([
      member('encrypted.jpg', { encrypted: true }),
      member('damaged.jpg', { claims: { crc: 1 } }),
      member('larger.jpg', { claims: { size: 10 } }),
      member('smaller.jpg', { claims: { size: 1000 } }),
      member('large.jpg', { content: zeros }),
      member('bomb.jpg', { content: zeros, claims: { size: 100 } }),
      member('good.jpg'),
    ]);
    expect(await fromZip(archive)).toEqual([
      ['encrypted.jpg', 'archive_entry_encrypted'],
      ['damaged.jpg', 'archive_entry_unreadable'],
      ['larger.jpg', 'archive_entry_expands'],
      ['smaller.jpg', 'archive_entry_unreadable'],
      ['large.jpg', 'body_too_large'],
      ['bomb.jpg', 'archive_entry_expands'],
      ['good.jpg', photo],
    ]);
  });

  it('refuses what unpacks to more than a batch may have', async () => {
    const megabyte = Buffer.alloc(1_000_000);
    const archive = makeZip(['1', '2', '3', '4', '5'].map((name) => member(name, { content: megabyte })));
    expect(archive.length).toBeLessThan(10_000);
    expect(await codeOf(fromZip(archive))).toBe('batch_too_large');
  });

  it('refuses what expands like no picture does, though it would fit', async () => {
    const roomy = { ...limits, maxBytes: 100_000_000 };
    const archive = makeZip(Array.from({ length: 18 }, (_, i) => member(`${i}`, { content: Buffer.alloc(1_000_000) })));
    expect(await codeOf(fromZip(archive, roomy))).toBe('batch_too_large');
  });

  it('refuses too many entries, by what the archive says and by what it has, folders included', async () => {
    expect(await codeOf(fromZip(makeZip([member('a')], { claimedCount: 60_000 })))).toBe('batch_too_many_items');
    const folders = Array.from({ length: 141 }, (_, i) => member(`f${i}/`));
    expect(await codeOf(fromZip(makeZip(folders)))).toBe('batch_too_many_items');
  });

  it('takes an archive in the archive for a file', async () => {
    const inner = makeZip([member('a.jpg')]);
    expect(await fromZip(makeZip([member('inner.zip', { content: inner })]))).toEqual([['inner.zip', inner]]);
  });

  it('survives archives that are cut or flipped anywhere: items, or one clear code', async () => {
    const whole = makeZip([member('a.jpg'), member('b.jpg', { method: 'store' })]);
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length }),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 3 }),
        async (length, flips) => {
          const broken = Buffer.from(whole.subarray(0, length));
          for (const [at, byte] of flips) if (at < length) broken[at] = byte;
          codes.add(await codeOf(fromZip(broken)));
        },
      ),
      { numRuns: 500 },
    );
    expect([...codes].filter((code) => !['none', 'archive_malformed', 'batch_too_many_items'].includes(code))).toEqual(
      [],
    );
  });

  it('leaves no file behind', async () => {
    await codeOf(fromZip(Buffer.from('no archive')));
    // One of another process has its name for a moment.
    await eventually(async () => {
      expect((await readdir(tmpdir())).filter((name) => name.startsWith('quintet-batch-'))).toEqual([]);
    });
  });
});
