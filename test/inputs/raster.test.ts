/** JPEG, PNG, GIF, WebP and BMP as programs leave them: unfinished, padded, turned by metadata in unusual places. */
import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { pngChunk } from '../fixtures/images/png-bits.js';
import { writeTiff } from '../support/hostile/tiff-writer.js';
import { picture } from '../support/pictures.js';
import { describeInputs, type Input } from './support/inputs.js';

const label = 'umbrella';
const drawn = (): Sharp => sharp(picture(label)).resize(320);
const gif = (): Promise<Buffer> => drawn().gif({ effort: 1 }).toBuffer();

/** Stored on its side, as a phone does, with what says so: its orientation is 6. */
const onItsSide = (): Promise<Buffer> => drawn().rotate(270).png().toBuffer();
const exif = writeTiff({ fields: [{ tag: 274, type: 3, values: [6] }] });
const xmp = '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>';

function withChunk(png: Buffer, chunk: Buffer, place: 'before' | 'behind'): Buffer {
  const at = place === 'before' ? 33 : png.length - 12;
  return Buffer.concat([png.subarray(0, at), chunk, png.subarray(at)]);
}

/** As ImageMagick keeps EXIF in a PNG. */
function rawProfile(): Buffer {
  const block = Buffer.concat([Buffer.from('Exif\0\0'), exif]);
  const lines = ['', 'exif', String(block.length).padStart(8), block.toString('hex'), ''].join('\n');
  return pngChunk('zTXt', Buffer.concat([Buffer.from('Raw profile type exif\0\0'), deflateSync(lines)]));
}

const named = (name: string, make: Input['make']): Input => ({ name, make, expect: { label } });
const upright = (name: string, make: Input['make']): Input => ({
  name,
  make,
  expect: { like: () => drawn().png().toBuffer(), within: 0.001 },
});

describeInputs('raster formats', {
  own: [
    named('a PNG that lacks only IEND', async () => (await drawn().png().toBuffer()).subarray(0, -12)),
    named('a PNG with a line break in place of IEND', async () =>
      Buffer.concat([(await drawn().png().toBuffer()).subarray(0, -12), Buffer.from('\r\n')]),
    ),
    {
      name: 'a PNG that is cut within its data',
      make: async () => (await drawn().png().toBuffer()).subarray(0, -5000),
      expect: { code: 'image_truncated' },
    },
    upright('a PNG that is turned by its text', async () => withChunk(await onItsSide(), rawProfile(), 'before')),
    upright('a PNG that is turned by eXIf behind its data', async () =>
      withChunk(await onItsSide(), pngChunk('eXIf', exif), 'behind'),
    ),
    upright('a PNG that is turned by its XMP', async () =>
      withChunk(await onItsSide(), pngChunk('iTXt', Buffer.from(`XML:com.adobe.xmp\0\0\0\0\0${xmp}`)), 'before'),
    ),
    named('a GIF without a trailer', async () => (await gif()).subarray(0, -1)),
    named('a GIF with zeros before its trailer', async () =>
      Buffer.concat([(await gif()).subarray(0, -1), Buffer.alloc(20), Buffer.from(';')]),
    ),
    named('a GIF that is cut in a block behind its first frame', async () =>
      Buffer.concat([(await gif()).subarray(0, -1), Buffer.from([0x21, 0xfe, 200, 1, 2, 3])]),
    ),
    {
      name: 'a GIF that is cut within its first frame',
      make: async () => (await gif()).subarray(0, -5000),
      expect: { code: 'image_truncated' },
    },
  ],
});
