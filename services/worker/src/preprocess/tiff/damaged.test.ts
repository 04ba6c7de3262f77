import { ImageError } from '@quintet/images';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noise } from '../../../../../test/fixtures/images/index.js';
import { card, codecs, decode, layouts, refusal, side } from '../../../../../test/support/hostile/decode-tiff.js';
import { tiffParts, type TiffPicture, tiffPicture } from '../../../../../test/support/hostile/tiff-pictures.js';
import { headerBytes, type TiffField, writeTiff } from '../../../../../test/support/hostile/tiff-writer.js';

describe('TIFF that cannot be decoded faithfully', () => {
  const names: Readonly<Record<number, string>> = {
    9: 'JBIG',
    32_809: 'ThunderScan',
    34_676: 'SGI LogLuv',
    34_712: 'JPEG 2000',
    34_887: 'LERC',
    34_925: 'LZMA',
    50_002: 'JPEG XL',
    12_345: 'unknown',
  };
  it.each(Object.entries(names))('is refused by the name of its codec: %s', async (code, name) => {
    for (const layout of layouts) {
      const more = [{ tag: 259, type: 3, values: [Number(code)] }];
      const { code: refused, detail } = await refusal(await tiffPicture({ pixels: card, ...layout, more }));
      expect(refused).toBe('image_undecodable');
      expect(detail).toContain(`TIFF with ${name}`);
    }
  });

  it.each([
    ['raw sensor data', 262, [32_803]],
    ['complex samples', 339, [6, 6, 6]],
    ['different kinds', 258, [8, 8, 5]],
    ['special inks', 332, [2]],
    ['predictor 3', 317, [3]],
  ])('is refused by the name of its kind: %s', async (name, tag, values) => {
    const more = [{ tag, type: 3, values }];
    const colour = name === 'special inks' ? 'cmyk' : 'rgb';
    const bytes = await tiffPicture({ pixels: card, codec: 'lzw', colour, more });
    expect(await refusal(bytes)).toMatchObject({
      code: 'image_undecodable',
      detail: expect.stringContaining(name) as string,
    });
  });

  it('is refused where one strip or tile is zeroed, cut, or was never written', async () => {
    for (const codec of codecs.filter((each) => each !== 'none')) {
      for (const layout of layouts.slice(1)) {
        const colour = codec === 'jpeg' ? 'ycbcr' : 'rgb';
        const kind = { pixels: noise(side, side), codec, colour, ...layout } as const;
        const { fields, chunks } = await tiffParts(kind);
        const index = chunks.length >> 1;
        const size = chunks[index]?.length ?? 0;
        const zeroed = chunks.map((chunk, i) => (i === index ? Buffer.alloc(size) : chunk));
        expect(await refusal(writeTiff({ fields, data: Buffer.concat(zeroed) }))).toBeInstanceOf(ImageError);
        const [offsets, sizes] = layout.tile === undefined ? [273, 279] : [324, 325];
        const changed = (tag: number, value: number): TiffField[] =>
          fields.map((each) =>
            each.tag === tag ? { ...each, values: each.values.map((v, i) => (i === index ? value : v)) } : each,
          );
        const data = Buffer.concat(chunks);
        expect(await refusal(writeTiff({ fields: changed(sizes, size >> 1), data }))).toBeInstanceOf(ImageError);
        expect((await refusal(writeTiff({ fields: changed(offsets, 0), data }))).detail).toContain('no data of');
        if (chunks.length > 1)
          expect((await refusal(writeTiff({ fields: changed(sizes, 0), data }))).detail).toContain('no data of');
      }
    }
  });

  /**
   * Uncompressed data, PackBits, LZW, JPEG, WebP and ZSTD have no checksum: what is flipped there may show, but in its own strip or
   * tile only. Deflate has one.
   */
  it('is refused or differs only where it is damaged, whatever byte of its data that is', async () => {
    const kinds = codecs.flatMap((codec) =>
      layouts
        .slice(1, 4)
        .map((layout): TiffPicture => ({ pixels: card, codec, colour: codec === 'jpeg' ? 'ycbcr' : 'rgb', ...layout })),
    );
    const made = await Promise.all(
      kinds.map(async (kind) => {
        const { fields, chunks } = await tiffParts(kind);
        const bytes = writeTiff({ fields, data: Buffer.concat(chunks) });
        return { kind, chunks, bytes, whole: await decode(Buffer.from(bytes)) };
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...made),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        async ({ kind, chunks, bytes, whole }, where, flipped) => {
          const damaged = Buffer.from(bytes);
          let at = Math.floor(where * chunks.reduce((sum, { length }) => sum + length, 0));
          const position = headerBytes() + at;
          damaged[position] = (damaged[position] ?? 0) ^ flipped;
          const index = chunks.findIndex(({ length }) => (at -= length) < 0);
          let found: Uint8Array;
          try {
            found = await decode(damaged);
          } catch (error) {
            if (error instanceof ImageError) return;
            throw error;
          }
          const [width, height] = [kind.tile?.width ?? side, kind.tile?.height ?? kind.rowsPerStrip ?? side];
          const across = Math.ceil(side / width);
          const [left, top] = [(index % across) * width, Math.floor(index / across) * height];
          for (let i = 0; i < found.length; i += 1) {
            if (found[i] === whole[i]) continue;
            const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
            expect(x >= left && x < left + width && y >= top && y < top + height, `${x}, ${y}`).toBe(true);
            expect(kind.codec).not.toBe('deflate');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
