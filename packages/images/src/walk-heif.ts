import { av1Samples } from './av1-sequence.js';
import { type Box, eachBox, readBox } from './boxes.js';
import type { ByteReader } from './byte-reader.js';
import { heifMemory } from './decode-memory.js';
import { ImageError } from './image-error.js';
import { checkDimensions, type ImageLimits, type Walk } from './image-info.js';
import { readExtents } from './heif-extents.js';

const avifBrands: ReadonlySet<string> = new Set(['avif', 'avis']);
const heicBrands: ReadonlySet<string> = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']);
/** Top-level boxes whose names are proof enough that a size past the end of the file means a truncated file. */
const knownBoxes: ReadonlySet<string> = new Set([
  'ftyp',
  'meta',
  'mdat',
  'moov',
  'free',
  'skip',
  'uuid',
  'mpvd',
  'wide',
]);

/** What the brands of the `ftyp` box promise; undefined for other ISO media (video, Canon raw). */
export function heifKind(bytes: ByteReader): 'avif' | 'heic' | 'heif' | undefined {
  const ftyp = readBox(bytes, 0, bytes.length);
  if (ftyp?.type !== 'ftyp') return undefined;
  const end = Math.min(ftyp.end, bytes.length);
  let generic = false;
  for (let at = ftyp.payload; at + 4 <= end; at += at === ftyp.payload ? 8 : 4) {
    bytes.countPart();
    const brand = bytes.fourcc(at);
    if (avifBrands.has(brand)) return 'avif';
    if (heicBrands.has(brand)) return 'heic';
    generic ||= brand === 'mif1' || brand === 'msf1';
  }
  return generic ? 'heif' : undefined;
}

/** A phone's grid has about 60 items; a table that fills the upload would cost time and memory for nothing. */
const MAX_ENTRIES = 16_384;

/**
 * All coded items together (tiles, alpha, thumbnail, depth, gain map), as a multiple of the pixels that a picture may have:
 * decoders decode the tiles of a grid however small the grid says that it is, and HEIC takes a second for 25 megapixels.
 */
const MOST_CODED = 1.5;

interface Meta {
  primary: number | undefined;
  itemTypes: Map<number, string>;
  /** Sizes by property index (1-based, the numbering of `ipma`). */
  sizes: Map<number, { width: number; height: number }>;
  associations: { item: number; property: number }[];
  /** The costliest samples that any item has. */
  chroma: '4:2:0' | '4:4:4';
  deep: boolean;
  dataEnd: number;
}

/**
 * AVIF and HEIC (ISO/IEC 23008-12): the primary item's `ispe` gives the size, and every extent of `iloc` must lie in the
 * file. The size is as coded: `clap`, `irot` and `imir` are applied by the decoders, which ignore EXIF for these formats.
 */
export function walkHeif(bytes: ByteReader, limits: ImageLimits): Walk & { readonly codec: 'avif' | 'heic' } {
  const { meta: metaBox, end } = topLevel(bytes);
  if (metaBox === undefined) throw new ImageError('image_undecodable', 'The image container has no picture item.');
  const meta = readMeta(bytes, metaBox);
  const size = primarySize(meta);
  checkDimensions(size.width, size.height, limits);
  const codec = codecOf(meta);
  if (codec === undefined) throw new ImageError('image_undecodable', 'The HEIF codec is neither AV1 nor HEVC.');
  const { chroma, deep } = meta;
  const kind = { codec, largestItem: largestItem(meta, limits), chroma, deep };
  const decodeBytes = heifMemory(size.width * size.height, kind);
  const { width, height } = size;
  return { width, height, frames: 1, end: Math.max(end, meta.dataEnd), decodeBytes, codec };
}

function topLevel(bytes: ByteReader): { meta: Box | undefined; end: number } {
  let meta: Box | undefined;
  let at = 0;
  while (at < bytes.length) {
    const box = readBox(bytes, at, bytes.length);
    if (box === undefined) break;
    if (box.end > bytes.length) {
      if (meta !== undefined && !knownBoxes.has(box.type)) break;
      throw new ImageError('image_truncated', `The file ends inside its ${bytes.fourcc(box.start + 4)} box.`);
    }
    if (box.type === 'meta') meta ??= box;
    at = box.end;
  }
  if (at < bytes.length && (meta === undefined || bytes.length - at < 8)) {
    throw new ImageError('image_truncated', 'The file ends inside a box header.');
  }
  return { meta, end: at };
}

function readMeta(bytes: ByteReader, box: Box): Meta {
  const meta: Meta = {
    primary: undefined,
    itemTypes: new Map(),
    sizes: new Map(),
    associations: [],
    chroma: '4:2:0',
    deep: false,
    dataEnd: 0,
  };
  let iloc: Box | undefined;
  let idat: Box | undefined;
  eachBox(bytes, box.payload + 4, box.end, (child) => {
    if (child.type === 'pitm') meta.primary = readId(bytes, child.payload + 4, bytes.u8(child.payload) > 0);
    else if (child.type === 'iinf') readItems(bytes, child, meta);
    else if (child.type === 'iprp') readProperties(bytes, child, meta);
    else if (child.type === 'iloc') iloc = child;
    else if (child.type === 'idat') idat = child;
  });
  if (iloc !== undefined) {
    meta.dataEnd = readExtents(bytes, iloc, idat, (item, start, end) => {
      if (meta.itemTypes.get(item) !== 'av01') return;
      const samples = av1Samples(bytes, start, end);
      meta.deep ||= samples.deep;
      if (samples.chroma === '4:4:4') meta.chroma = '4:4:4';
    });
  }
  return meta;
}

function readId(bytes: ByteReader, at: number, wide: boolean): number {
  return wide ? bytes.u32be(at) : bytes.u16be(at);
}

function readItems(bytes: ByteReader, box: Box, meta: Meta): void {
  const headed = bytes.u8(box.payload) > 0 ? 8 : 6;
  eachBox(bytes, box.payload + headed, box.end, (child) => {
    const version = bytes.u8(child.payload);
    if (child.type !== 'infe' || version < 2) return;
    const id = readId(bytes, child.payload + 4, version > 2);
    if (meta.itemTypes.size >= MAX_ENTRIES) throw tooMany();
    meta.itemTypes.set(id, bytes.fourcc(child.payload + (version > 2 ? 10 : 8)));
  });
}

function readProperties(bytes: ByteReader, box: Box, meta: Meta): void {
  eachBox(bytes, box.payload, box.end, (child) => {
    if (child.type === 'ipco') {
      eachBox(bytes, child.payload, child.end, (property, index) => {
        if (property.type !== 'ispe') return;
        if (meta.sizes.size >= MAX_ENTRIES) throw tooMany();
        const width = bytes.u32be(property.payload + 4);
        meta.sizes.set(index, { width, height: bytes.u32be(property.payload + 8) });
      });
    } else if (child.type === 'ipma') {
      readAssociations(bytes, child, meta);
    }
  });
}

function readAssociations(bytes: ByteReader, box: Box, meta: Meta): void {
  const wideIds = bytes.u8(box.payload) > 0;
  const wideIndex = (bytes.u8(box.payload + 3) & 1) === 1;
  const entries = bytes.u32be(box.payload + 4);
  let at = box.payload + 8;
  for (let entry = 0; entry < entries; entry += 1) {
    bytes.countPart();
    const item = readId(bytes, at, wideIds);
    at += wideIds ? 4 : 2;
    const count = bytes.u8(at);
    at += 1;
    for (let i = 0; i < count; i += 1) {
      if (at >= box.end) throw new ImageError('image_undecodable', 'The property associations are malformed.');
      const property = wideIndex ? bytes.u16be(at) & 0x7fff : bytes.u8(at) & 0x7f;
      if (meta.associations.length >= MAX_ENTRIES) throw tooMany();
      meta.associations.push({ item, property });
      at += wideIndex ? 2 : 1;
    }
    if (at > box.end) throw new ImageError('image_undecodable', 'The property associations are malformed.');
  }
}

function primarySize(meta: Meta): { width: number; height: number } {
  for (const { item, property } of meta.associations) {
    const size = meta.sizes.get(property);
    if (item === meta.primary && size !== undefined) return size;
  }
  throw new ImageError('image_undecodable', 'The image container does not state the size of its picture.');
}

/** Every coded item must be within the limit, and all of them together within a few times that. */
function largestItem(meta: Meta, limits: ImageLimits): number {
  let [largest, sum] = [0, 0];
  for (const { item, property } of meta.associations) {
    const size = meta.sizes.get(property);
    const type = meta.itemTypes.get(item);
    if (size === undefined || (type !== 'av01' && type !== 'hvc1')) continue;
    checkDimensions(size.width, size.height, limits);
    largest = Math.max(largest, size.width * size.height);
    sum += size.width * size.height;
  }
  if (sum > MOST_CODED * limits.maxPixels) {
    throw new ImageError('image_too_many_pixels', `The parts of the image have ${sum} pixels together.`);
  }
  return largest;
}

function tooMany(): ImageError {
  return new ImageError('image_undecodable', `The image container lists more than ${MAX_ENTRIES} items.`);
}

/** A grid or overlay has no codec of its own: its tiles tell. */
function codecOf(meta: Meta): 'avif' | 'heic' | undefined {
  const own = meta.itemTypes.get(meta.primary ?? -1);
  const types = own === 'av01' || own === 'hvc1' ? [own] : [...meta.itemTypes.values()];
  if (types.includes('hvc1')) return 'heic';
  return types.includes('av01') ? 'avif' : undefined;
}
