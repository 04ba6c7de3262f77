/**
 * Good pictures of every format that is accepted, small, for mutations to start from. Their content comes from the photos of
 * ../shared where they are (real coefficients reach further into a decoder), else from the test card.
 */
import sharp from 'sharp';
import {
  bmpVariants,
  encodeBmp,
  havePhotos,
  heicSample,
  makeImage,
  type MakeImageOptions,
  photo,
  photoFile,
  photoNames,
  scene,
  type Pixels,
  testCard,
} from '../../fixtures/images/index.js';
import { encodeHeic } from '../../fixtures/images/heic-photo.js';
import { joinedByRestarts } from '../../fixtures/images/jpeg-segments.js';
import { heifGrid } from './heif-grid.js';

export interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
}

const size = { width: 160, height: 120 };

const recipes: Readonly<Record<string, Omit<MakeImageOptions, 'width' | 'height'>>> = {
  jpeg: { format: 'jpeg', quality: 80, chroma: '4:2:0' },
  'jpeg-444': { format: 'jpeg', quality: 60, icc: 'p3', orientation: 6 },
  'jpeg-progressive': { format: 'jpeg', quality: 80, progressive: true },
  'jpeg-cmyk': { format: 'jpeg', quality: 50, colour: 'cmyk' },
  'jpeg-grey': { format: 'jpeg', colour: 'grey' },
  png: { format: 'png' },
  'png-interlaced': { format: 'png', progressive: true, icc: 'srgb' },
  'png-palette': { format: 'png', colour: 'palette' },
  'png-16': { format: 'png', colour: 'rgb16' },
  'png-alpha': { format: 'png', colour: 'alpha' },
  webp: { format: 'webp', quality: 70, icc: 'p3' },
  'webp-lossless': { format: 'webp', lossless: true },
  'webp-alpha': { format: 'webp', quality: 70, colour: 'alpha' },
  'webp-animated': { format: 'webp', quality: 70, frames: 3 },
  avif: { format: 'avif', quality: 60, chroma: '4:2:0' },
  'avif-444': { format: 'avif', quality: 60, icc: 'p3' },
  gif: { format: 'gif' },
  'gif-animated': { format: 'gif', frames: 3 },
  'tiff-none': { format: 'tiff', compression: 'none' },
  'tiff-lzw': { format: 'tiff', compression: 'lzw' },
  'tiff-deflate-16': { format: 'tiff', compression: 'deflate', colour: 'rgb16' },
  'tiff-jpeg': { format: 'tiff', compression: 'jpeg', quality: 70 },
  'tiff-packbits': { format: 'tiff', compression: 'packbits' },
  'tiff-grey': { format: 'tiff', compression: 'lzw', colour: 'grey' },
  'tiff-cmyk': { format: 'tiff', compression: 'deflate', colour: 'cmyk' },
  'tiff-tiles': { format: 'tiff', compression: 'deflate', tiles: true },
  'tiff-tiles-none': { format: 'tiff', compression: 'none', tiles: true },
  'tiff-tiles-lzw': { format: 'tiff', compression: 'lzw', tiles: true },
  'tiff-tiles-jpeg': { format: 'tiff', compression: 'jpeg', quality: 70, tiles: true },
  'tiff-tiles-packbits': { format: 'tiff', compression: 'packbits', tiles: true },
  'tiff-fax': { format: 'tiff', compression: 'ccittfax4', colour: 'grey' },
};

let made: Promise<readonly Seed[]> | undefined;

/** The same on every call. */
export function seeds(): Promise<readonly Seed[]> {
  made ??= makeSeeds();
  return made;
}

async function makeSeeds(): Promise<readonly Seed[]> {
  const pixels = await content();
  const encoded = Object.entries(recipes).map(async ([name, recipe], index): Promise<Seed> => {
    const picture = pixels[index % pixels.length] ?? testCard(size.width, size.height);
    return { name, bytes: await makeImage({ ...recipe, ...size, pixels: picture }) };
  });
  const [first = testCard(size.width, size.height)] = pixels;
  const restarts = await jpegWithRestarts(first);
  const avif = await sharp(first.data, { raw: { ...size, channels: 3 } })
    .avif({ effort: 0, bitdepth: 10 })
    .toBuffer();
  return [
    ...(await Promise.all(encoded)),
    ...bmpVariants.map((variant): Seed => ({ name: `bmp-${variant}`, bytes: encodeBmp(first, variant) })),
    { name: 'jpeg-restarts', bytes: restarts },
    { name: 'avif-10', bytes: avif },
    { name: 'avif-grid', bytes: heifGrid(avif, { rows: 2, columns: 2 }) },
    { name: 'heic', bytes: heicSample() },
    { name: 'heic-turned', bytes: heicSample('turned') },
    { name: 'heic-photo', bytes: encodeHeic(first) },
    { name: 'heic-grid', bytes: heifGrid(encodeHeic(testCard(64, 64)), { rows: 2, columns: 2 }) },
  ];
}

/** A restart after each row of blocks. */
async function jpegWithRestarts({ data }: Pixels): Promise<Buffer> {
  const image = sharp(data, { raw: { ...size, channels: 3 } });
  const rows = Array.from({ length: size.height / 8 }, (_value, row) =>
    image
      .clone()
      .extract({ left: 0, top: 8 * row, width: size.width, height: 8 })
      // The standard tables, which all rows have.
      .jpeg({ quality: 80, chromaSubsampling: '4:4:4', optimiseCoding: false })
      .toBuffer(),
  );
  return joinedByRestarts(await Promise.all(rows), size);
}

async function content(): Promise<Pixels[]> {
  if (!havePhotos) return [1, 2, 3].map((seed) => scene(seed, size.width, size.height));
  const names = photoNames().filter((_name, index) => index % 6 === 0);
  return Promise.all(names.map((name) => photo(name, size)));
}

/** Whole photos as they are, for mutations at the size that users send. None where ../shared is absent. */
export function photoSeeds(): readonly Seed[] {
  if (!havePhotos) return [];

  return photoNames().map((name) => ({ name: `photo-${name}`, bytes: photoFile(name) }));
}
