/** AVIF, HEIC and large JPEGs as phones, cameras and browsers make them. */
import sharp, { type AvifOptions, type Sharp } from 'sharp';
import { encodeHeic } from '../fixtures/images/heic-photo.js';
import { heifSequence, withColours } from '../fixtures/images/heif-sequence.js';
import { emptyZip } from '../fixtures/images/index.js';
import { picture } from '../support/pictures.js';
import { describeInputs, type Expected } from './support/inputs.js';

const umbrella: Expected = { label: 'umbrella', score: 0.3 };
const photo = (): Sharp => sharp(picture('umbrella')).resize(320, 320, { fit: 'cover' });
const avif = (options: AvifOptions = {}): Promise<Buffer> =>
  photo()
    .avif({ effort: 0, ...options })
    .toBuffer();

async function heic(): Promise<Buffer> {
  const { data, info } = await photo().removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return encodeHeic({ data, width: info.width, height: info.height });
}

const flat = (width: number, height: number): Sharp =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } });

const behind = (file: Buffer, tail: string | Buffer): Buffer =>
  Buffer.concat([file, typeof tail === 'string' ? Buffer.from(tail, 'latin1') : tail]);

describeInputs('AVIF, HEIC and large JPEGs', {
  own: [
    {
      name: 'a JPEG of 48 megapixels, turned',
      make: () => flat(8064, 6048).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      expect: { like: () => flat(400, 300).jpeg().toBuffer(), within: 0 },
    },
    { name: 'an AVIF', make: () => avif(), expect: umbrella },
    { name: 'an AVIF of 10 bits', make: () => avif({ bitdepth: 10 }), expect: umbrella },
    {
      name: 'an animated AVIF',
      make: async () => heifSequence(await avif(), { brand: 'avis', frames: 3 }),
      expect: umbrella,
    },
    {
      name: 'an animated AVIF with alpha',
      make: async () => heifSequence(await avif(), { brand: 'avis', frames: 3, alphaFirst: true }),
      expect: umbrella,
    },
    {
      name: 'an AVIF whose colours are coded in a rare way',
      make: async () => withColours(await avif(), { matrix: 14, full: true }),
      expect: { code: 'image_undecodable', detail: /matrix 14/ },
    },
    { name: 'a HEIC', make: heic, expect: umbrella },
    {
      name: 'a HEIC sequence',
      make: async () => heifSequence(await heic(), { brand: 'hevc', frames: 2 }),
      expect: umbrella,
    },
    { name: 'a HEIC and a line end', make: async () => behind(await heic(), '\r\n'), expect: umbrella },
    { name: 'an AVIF and three bytes', make: async () => behind(await avif(), 'abc'), expect: umbrella },
    { name: 'an AVIF and zeros', make: async () => behind(await avif(), '\0'.repeat(4000)), expect: umbrella },
    {
      name: 'a HEIC that is an archive too',
      make: async () => behind(await heic(), emptyZip),
      expect: { code: 'image_polyglot' },
    },
  ],
});
