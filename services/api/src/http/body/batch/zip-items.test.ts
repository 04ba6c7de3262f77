import { open, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../../../../../test/support/service-process.js';
import { makeZip, unicodePath, type ZipMember } from '../../../../../../test/fixtures/archives/index.js';
import { codeOf, fromZip, inPieces, limits } from './collect.test-support.js';
import { withSpool } from './spool.js';
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

  it('reads names in UTF-8 where they are, and in CP437 elsewhere', async () => {
    const name = 'Café 写真.jpg';
    const utf8 = Buffer.from(name);
    const cp437 = Buffer.from('Caf\x82.jpg', 'latin1');
    const cases: [expected: string, ZipMember][] = [
      [name, member('', { nameBytes: utf8 })], // Info-ZIP
      ['Café.jpg', member('', { nameBytes: Buffer.from('Café.jpg'.normalize('NFD')), host: 19 })], // macOS
      [name, member('', { nameBytes: cp437, host: 0, extra: unicodePath(cp437, name) })],
      // The field is of another name, which has been changed since.
      ['Café.jpg', member('', { nameBytes: cp437, host: 0, extra: unicodePath(utf8, name) })],
      ['Café.jpg', member('', { nameBytes: cp437, host: 0 })],
      ['Café.jpg', member('', { nameBytes: cp437 })], // on Unix, but no UTF-8
      ['├⌐.jpg', member('', { nameBytes: Buffer.from('é.jpg'), host: 0 })],
      ['plain.jpg', member('', { nameBytes: Buffer.from('plain.jpg') })],
    ];
    const items = await fromZip(makeZip(cases.map(([, given]) => given)));
    expect(items.map(([found]) => found.normalize('NFC'))).toEqual(cases.map(([expected]) => expected));
  });

  it('reads an archive with bytes behind its end or before its beginning, or with a comment that is cut', async () => {
    const list = [member('a.jpg'), member('b.jpg', { method: 'store' })];
    const expected = list.map(({ name }) => [name, photo]);
    const comment = Buffer.from('made by hand');
    const whole = [makeZip(list), makeZip(list, { comment }), makeZip(list, { zip64: true })];
    const junk = Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), Buffer.alloc(300, 'PK\x05\x06 junk')]);
    const around = ['', '\r\n', Buffer.alloc(1), Buffer.alloc(512), Buffer.alloc(0x1_0000, 'x'), junk].map((each) =>
      Buffer.from(each),
    );
    for (const archive of whole) {
      for (const bytes of around) {
        expect(await fromZip(Buffer.concat([archive, bytes]))).toEqual(expected);
        expect(await fromZip(Buffer.concat([bytes, archive]))).toEqual(expected);
        expect(await fromZip(Buffer.concat([bytes, archive, bytes]))).toEqual(expected);
      }
    }
    expect(await fromZip((whole[1] ?? Buffer.alloc(0)).subarray(0, -5))).toEqual(expected);
    expect(await codeOf(fromZip(Buffer.concat([makeZip(list), Buffer.alloc(200_000)])))).toBe('archive_malformed');
    // Of two archives in one file, the one at its end counts, as for unzip.
    expect(await fromZip(Buffer.concat([makeZip([member('other.jpg')]), makeZip(list)]))).toEqual(expected);
  });

  it('reads what was written as a stream', async () => {
    const archive = makeZip([
      member('a.jpg', { streamed: true }),
      member('b.jpg', { streamed: true, method: 'store' }),
    ]);
    expect(await fromZip(archive)).toEqual([
      ['a.jpg', photo],
      ['b.jpg', photo],
    ]);
  });

  it('names the method that it does not unpack, for the item that has it', async () => {
    const archive = makeZip([
      member('a.jpg', { claimedMethod: 93 }),
      member('b.jpg', { claimedMethod: 77 }),
      member('c.jpg'),
    ]);
    const details: string[] = [];
    await withSpool(inPieces(archive), 1_000_000, async (spool) => {
      for await (const { source } of zipItems(spool, limits)) {
        details.push('problem' in source ? source.problem.message : 'fine');
      }
    });
    expect(details).toEqual([expect.stringContaining('Zstandard'), expect.stringContaining('method 77'), 'fine']);
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
