/** TIFFs as scanners, editors, microscopes and libraries write them. */
import sharp from 'sharp';
import type { Pixels } from '../fixtures/images/pixels.js';
import { type TiffPicture, tiffParts, tiffPicture } from '../support/hostile/tiff-pictures.js';
import { type TiffField, writeTiff } from '../support/hostile/tiff-writer.js';
import { picture } from '../support/pictures.js';
import { describeInputs, type Input } from './support/inputs.js';

const tile = { width: 64, height: 64 } as const;

async function umbrella(): Promise<Pixels> {
  const { data, info } = await sharp(picture('umbrella'))
    .resize(300)
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

const make = (kind: Omit<TiffPicture, 'pixels'>) => async (): Promise<Buffer> =>
  tiffPicture({ pixels: await umbrella(), ...kind });

/** Answered as the plain picture is. */
function same(name: string, kind: Omit<TiffPicture, 'pixels'>, within = 0.02): Input {
  return { name, make: make(kind), expect: { like: make({}), within } };
}

/** One tile zeroed. */
const damaged = (kind: Omit<TiffPicture, 'pixels'>) => async (): Promise<Buffer> => {
  const { fields, chunks } = await tiffParts({ pixels: await umbrella(), tile, ...kind });
  const data = chunks.map((chunk, i) => (i === 3 ? Buffer.alloc(chunk.length) : chunk));
  return writeTiff({ fields, data: Buffer.concat(data) });
};

const field = (tag: number, ...values: number[]): TiffField => ({ tag, type: 3, values });
const text = [...Buffer.from('Somebody of a long name\0')];

describeInputs('TIFF', {
  own: [
    same('ZSTD in tiles', { codec: 'zstd', tile }),
    same('WebP in strips', { codec: 'webp', rowsPerStrip: 50 }),
    same('CMYK of 16 bits, from the other end', { colour: 'cmyk', bits: 16, order: 'MM', codec: 'lzw' }),
    same('YCbCr without JPEG', { colour: 'ycbcr', codec: 'lzw' }, 0.05),
    same('YCbCr, subsampled', { colour: 'ycbcr', subsampling: [2, 2], tile }, 0.1),
    same('RGB of 32 bits', { bits: 32, codec: 'deflate', predictor: 2 }),
    same('RGB of floating-point numbers', { bits: 32, format: 'float', codec: 'deflate', predictor: 3 }),
    same('planes of 64 bits in a BigTIFF', { bits: 64, planar: true, big: true, order: 'MM', rowsPerStrip: 20 }),
    same('a field of type 0', { more: [{ tag: 65_000, type: 0, values: [], count: 1 }] }),
    same('a text outside of the file', { more: [{ tag: 315, type: 2, values: text, offset: 99_000_000 }] }),
    same('no pointer to a next page', { next: 'missing' }),
    ...(['deflate', 'lzw', 'packbits', 'zstd', 'webp', 'jpeg'] as const).map((codec): Input => {
      const colour = codec === 'jpeg' ? 'ycbcr' : 'rgb';
      return {
        name: `${codec} with a tile zeroed`,
        make: damaged({ codec, colour }),
        expect: { code: 'image_undecodable' },
      };
    }),
    ...(
      [
        ['LZMA', 34_925],
        ['JPEG 2000', 34_712],
        ['JPEG XL', 50_002],
        ['LERC', 34_887],
      ] as const
    ).map(([name, code]): Input => ({
      name: `${name} in tiles`,
      make: make({ tile, more: [field(259, code)] }),
      expect: { code: 'image_undecodable', detail: new RegExp(name) },
    })),
    {
      name: 'JPEG data of 12 bits',
      make: make({ codec: 'jpeg', colour: 'ycbcr', more: [field(258, 12, 12, 12)] }),
      expect: { code: 'image_undecodable', detail: /12-bit JPEG/ },
    },
  ],
});
