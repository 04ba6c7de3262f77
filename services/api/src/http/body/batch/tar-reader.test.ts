import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeTar } from '../../../../../../test/fixtures/archives/index.js';
import { codeOf, fromTar, limits } from './collect.test-support.js';

const photo = Buffer.from('not really a photo');

const members = fc.array(
  fc.record({
    // Over 100 and 255 bytes, and beyond ASCII: names in pax headers.
    name: fc
      .string({ minLength: 1, maxLength: 300, unit: 'grapheme' })
      .map((text) => `a/x${text.replaceAll(/[/\0]/g, '_')}.jpg`),
    content: fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 12 },
);

type Change = (block: Buffer) => void;

/** A header block as an attacker writes it, with the right checksum; `change` is for what it has of its own. */
function header(name: string | Buffer, type: string, size: string | Buffer, change: Change = () => undefined): Buffer {
  const block = Buffer.alloc(512);
  Buffer.from(name).copy(block);
  block.write('0000644\0', 100);
  Buffer.from(size).copy(block, 124);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  change(block);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function pax(...records: string[]): Buffer {
  const content = Buffer.from(records.join(''));
  const padded = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  content.copy(padded);
  return Buffer.concat([header('pax', 'x', content.length.toString(8).padStart(11, '0')), padded]);
}

/** `bytes` as the content of an entry: padded to whole blocks. */
function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const octal = (value: number): string => value.toString(8).padStart(11, '0');
const end = Buffer.alloc(1024);
const file = (name: string | Buffer, size: string | Buffer = octal(photo.length), change?: Change): Buffer =>
  Buffer.concat([header(name, '0', size, change), padded(photo)]);

describe('tarItems', () => {
  it('gives every file of an archive, in pieces of any length, packed with gzip or not', async () => {
    await fc.assert(
      fc.asyncProperty(members, fc.integer({ min: 1, max: 2000 }), fc.boolean(), async (list, piece, zip) => {
        const tar = await makeTar(list);
        const archive = zip ? gzipSync(tar) : tar;
        expect(await fromTar(archive, limits, piece)).toEqual(list.map(({ name, content }) => [name, content]));
      }),
      { numRuns: 50 },
    );
  });

  it('passes over folders, links and by-files, and takes paths out of the archive for labels', async () => {
    const archive = await makeTar([
      { name: 'folder', content: photo, type: 'directory' },
      { name: 'link.jpg', content: photo, type: 'symlink' },
      { name: './._a.jpg', content: photo },
      { name: '../../a.jpg', content: photo },
    ]);
    expect(await fromTar(archive)).toEqual([['../../a.jpg', photo]]);
  });

  it('reads the long names of GNU tar', async () => {
    const name = `${'long/'.repeat(40)}a.jpg`;
    const long = Buffer.alloc(512);
    long.write(name);
    const content = Buffer.alloc(512);
    photo.copy(content);
    const archive = Buffer.concat([
      header('././@LongLink', 'L', (name.length + 1).toString(8).padStart(11, '0')),
      long,
      header('long/long', '0', photo.length.toString(8).padStart(11, '0')),
      content,
      Buffer.alloc(1024),
    ]);
    expect(await fromTar(archive)).toEqual([[name, photo]]);
  });

  it('fails the item that is sparse, by its own name, and no other', async () => {
    const map = Buffer.alloc(512);
    map[504] = 1;
    const gnu = (name: string, blocks: Buffer[]): Buffer => {
      const long = header(name, 'S', octal(photo.length), (block) => {
        block.write('ustar  \0', 257);
        block[482] = blocks.length > 0 ? 1 : 0;
      });
      return Buffer.concat([long, ...blocks, padded(photo)]);
    };
    const archive = Buffer.concat([
      gnu('short.jpg', []),
      gnu('long.jpg', [map, map, Buffer.alloc(512)]),
      pax('22 GNU.sparse.major=1\n', '32 GNU.sparse.name=folder/a.jpg\n', '26 path=GNUSparseFile.0/a\n'),
      file('GNUSparseFile.0/a'),
      file('good.jpg'),
      end,
    ]);
    expect(await fromTar(archive)).toEqual([
      ['short.jpg', 'archive_entry_unreadable'],
      ['long.jpg', 'archive_entry_unreadable'],
      ['folder/a.jpg', 'archive_entry_unreadable'],
      ['good.jpg', photo],
    ]);
  });

  it('reads what old and other writers wrote', async () => {
    const v7 = (block: Buffer): void => {
      block.fill(0, 156, 157);
      block.fill(0, 257);
    };
    const signed = file(Buffer.from('Café.jpg'));
    const sum = signed.subarray(0, 512).reduce((total, byte, at) => {
      const counted = at >= 148 && at < 156 ? 0x20 : byte;
      return total + (counted < 0x80 ? counted : counted - 0x100);
    }, 0);
    signed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const large = Buffer.alloc(12);
    large[0] = 0x80;
    large.writeUInt32BE(photo.length, 8);
    const archive = Buffer.concat([
      header('pax_global_header', 'g', octal(20)),
      padded(Buffer.from('20 comment=abcdefgh\n')),
      file('v7.jpg', octal(photo.length), v7),
      header('v7-folder/', '0', octal(0), v7),
      signed,
      file('binary.jpg', large),
      file('spaces.jpg', `${photo.length.toString(8).padStart(10)} \0`),
      file('prefixed.jpg', octal(photo.length), (block) => block.write('some/folder', 345)),
      // The sizes of what these lead to.
      header('hard link', '1', octal(5000)),
      header('link', '2', octal(5000)),
      header('folder/', '5', octal(5000)),
      pax('25 path=写真/Café.jpg\n'),
      file('another name'),
      end,
      Buffer.from('\r\njunk of a block that is no header'),
    ]);
    for (const each of [archive, gzipSync(archive)]) {
      expect(await fromTar(each)).toEqual(
        ['v7.jpg', 'Café.jpg', 'binary.jpg', 'spaces.jpg', 'some/folder/prefixed.jpg', '写真/Café.jpg'].map((name) => [
          name,
          photo,
        ]),
      );
    }
  });

  it('takes an extension header as long as macOS writes them', async () => {
    const value = 'x'.repeat(300_000);
    const archive = Buffer.concat([pax(`300027 LIBARCHIVE.xattr.a=${value}\n`), file('a.jpg'), end]);
    expect(await fromTar(archive)).toEqual([['a.jpg', photo]]);
  });

  it.each([
    ['BZh91AY&SY', 'bzip2'],
    ['\xfd7zXZ\0\0', 'xz'],
    ['\x28\xb5\x2f\xfd\0\0', 'Zstandard'],
  ])('names a compression that it does not know: %s', async (start, name) => {
    const packed = Buffer.concat([Buffer.from(start, 'latin1'), Buffer.alloc(1000, 'x')]);
    await expect(fromTar(packed)).rejects.toMatchObject({
      code: 'archive_malformed',
      message: expect.stringContaining(name) as string,
    });
  });

  it('fails the item that is too large, and no other', async () => {
    const archive = await makeTar([
      { name: 'large.jpg', content: Buffer.alloc(1_000_001) },
      { name: 'good.jpg', content: photo },
    ]);
    expect(await fromTar(archive)).toEqual([
      ['large.jpg', 'body_too_large'],
      ['good.jpg', photo],
    ]);
  });

  it('refuses what unpacks to more than a batch may have, or expands like no picture does', async () => {
    const bomb = gzipSync(
      await makeTar(['1', '2', '3', '4', '5'].map((name) => ({ name, content: Buffer.alloc(900_000) }))),
    );
    expect(await codeOf(fromTar(bomb))).toBe('batch_too_large');
    const roomy = { ...limits, maxBytes: 100_000_000, maxItemBytes: 100_000_000 };
    expect(await codeOf(fromTar(gzipSync(Buffer.alloc(30_000_000)), roomy))).toBe('batch_too_large');
    const large = gzipSync(await makeTar([{ name: '1', content: Buffer.alloc(30_000_000) }]));
    expect(await codeOf(fromTar(large, roomy))).toBe('batch_too_large');
  });

  it('refuses too many entries, folders included', async () => {
    const folders = Array.from({ length: 141 }, (_, i) => ({
      name: `f${i}`,
      content: photo,
      type: 'directory' as const,
    }));
    expect(await codeOf(fromTar(await makeTar(folders)))).toBe('batch_too_many_items');
  });

  it.each([
    ['an extension header of 8 GB', header('x', 'L', '77777777777')],
    ['a size that is no number', Buffer.concat([pax('16 size=-999999\n'), header('a', '0', '00000000001')])],
    ['a size that is not octal', header('a', '0', '99999999999')],
    ['a pax record without an end', pax('99 path=a\n')],
    ['a pax record of no length', pax('0 path=a\n')],
    ['something else', Buffer.alloc(1024, 'no archive')],
    ['a file that ends early', header('a', '0', '00000007777')],
  ])('refuses %s, at once', async (_, archive) => {
    expect(await codeOf(fromTar(archive))).toBe('archive_malformed');
  });

  it('survives archives that are cut or flipped anywhere: items, or one clear code', async () => {
    const whole = await makeTar([
      { name: `${'n'.repeat(200)}.jpg`, content: photo },
      { name: 'b.jpg', content: photo },
    ]);
    const zipped = gzipSync(whole);
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(whole, zipped),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255)), { maxLength: 3 }),
        async (archive, part, flips) => {
          const broken = Buffer.from(archive.subarray(0, Math.ceil(part * archive.length)));
          for (const [at, byte] of flips) if (broken.length > 0) broken[Math.floor(at * broken.length)] = byte;
          codes.add(await codeOf(fromTar(broken)));
        },
      ),
      { numRuns: 500 },
    );
    expect([...codes].filter((code) => !['none', 'archive_malformed'].includes(code))).toEqual([]);
  });
});
