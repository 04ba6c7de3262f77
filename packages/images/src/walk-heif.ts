import { type Av1Samples, av1Samples } from './av1-sequence.js';
import { eachBox, readBox, readExtents, readTrack, type Box, type Track } from './heif-boxes.js';
import type { ByteReader } from './byte-reader.js';
import { heifMemory } from './decode-memory.js';
import { checkDimensions, ImageError, truncated, undecodable, type ImageLimits, type Walk } from './image-info.js';

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

/** A phone's grid has about 60 items; a table that fills the upload would cost time and memory for nothing. */
const MAX_ENTRIES = 16_384;

/**
 * All coded items together (tiles, alpha, thumbnail, depth, gain map), as a multiple of the pixels that a picture may have:
 * decoders decode the tiles of a grid however small the grid says that it is, and HEIC takes a second for 25 megapixels.
 */
const MOST_CODED = 1.2;

interface Meta {
  primary: number | undefined;
  /** Of what the primary item is made, if it has no data of its own: the first tile of a grid. */
  firstTile: number | undefined;
  itemTypes: Map<number, string>;
  /** Sizes by property index (1-based, the numbering of `ipma`). */
  sizes: Map<number, { width: number; height: number }>;
  /** Some item is shown in part (`clap`). */
  isCut: boolean;
  /** Boxes `colr` with coded colours, by property index. */
  colours: Map<number, Box>;
  associations: { item: number; property: number }[];
  samples: Map<number, Av1Samples>;
  dataEnd: number;
}

export interface HeifWalk extends Walk {
  readonly codec: 'avif' | 'heic';
  /** Where the picture is the first frame of a sequence. */
  readonly track: Track | undefined;
  /** Of the picture; undefined where its codec is not AV1. */
  readonly samples: Av1Samples | undefined;
  /** The `colr` box of the picture that has precedence over its samples. */
  readonly colour: Box | undefined;
}

/**
 * AVIF and HEIC (ISO/IEC 23008-12): the primary item's `ispe` gives the size, and every extent of `iloc` must lie in the
 * file. The size is as coded: `clap`, `irot` and `imir` are applied by the decoders, which ignore EXIF for these formats.
 * Of a file that begins as an AV1 sequence, and of one that has no primary item, the first frame is the picture.
 */
export function walkHeif(bytes: ByteReader, limits: ImageLimits): HeifWalk {
  const { meta: metaBox, moov, end } = topLevel(bytes);
  const meta = metaBox === undefined ? undefined : readMeta(bytes, metaBox);
  const isSequence = bytes.matches(8, 'avis') || meta?.primary === undefined;
  const track = moov !== undefined && isSequence ? readTrack(bytes, moov) : undefined;
  if (track !== undefined) return walkTrack(bytes, track, Math.max(end, meta?.dataEnd ?? 0), limits);
  if (meta === undefined) throw undecodable('The image container has no picture item.');
  const { width, height } = primarySize(meta);
  checkDimensions(width, height, limits);
  const codec = codecOf(meta);
  if (codec === undefined) throw unknownCodec(meta);
  const all = [...meta.samples.values()];
  // Of the costliest samples that any item has.
  const chroma = all.some((each) => each.chroma === '4:4:4') ? '4:4:4' : '4:2:0';
  const largest = largestItem(meta, limits);
  const deep = all.some(({ bits }) => bits > 8);
  const isGrid = meta.itemTypes.get(meta.primary ?? -1) === 'grid' && 2 * largest <= width * height;
  const kind = { codec, largestItem: largest, chroma, deep, tiled: isGrid && !meta.isCut } as const;
  const decodeBytes = heifMemory(width * height, kind);
  const picture = meta.primary ?? -1;
  const samples = meta.samples.get(picture) ?? meta.samples.get(meta.firstTile ?? -1);
  const colour = propertyOf(meta, picture, meta.colours);
  checkColours(bytes, colour, samples);
  const walked = { width, height, frames: 1, end: Math.max(end, meta.dataEnd), decodeBytes };
  return { ...walked, codec, samples, colour, track: undefined };
}

function walkTrack(bytes: ByteReader, track: Track, end: number, limits: ImageLimits): HeifWalk {
  const { codec, width, height, frames, sample, colour } = track;
  checkDimensions(width, height, limits);
  const samples = codec === 'avif' ? av1Samples(bytes, sample.start, sample.end) : undefined;
  checkColours(bytes, colour, samples);
  const pixels = width * height;
  const { chroma, bits } = samples ?? { chroma: '4:2:0', bits: 8 };
  const decodeBytes = heifMemory(pixels, { codec, largestItem: pixels, chroma, deep: bits > 8 });
  return { width, height, frames, end: Math.max(end, sample.end), decodeBytes, codec, samples, colour, track };
}

/** Matrices (ITU-T H.273) that only a few decoders know: of the first libheif makes wrong colours, libavif none at all. */
const unknownMatrices: ReadonlySet<number> = new Set([3, 10, 11, 13, 14, 16, 17]);

function checkColours(bytes: ByteReader, colour: Box | undefined, samples: Av1Samples | undefined): void {
  if (samples === undefined || samples.grey) return;
  const matrix = colour === undefined ? samples.matrix : bytes.u16be(colour.payload + 8);
  if (!unknownMatrices.has(matrix)) return;
  throw undecodable(`The AVIF codes its colours by matrix ${matrix}, which is not supported.`);
}

/** What stands behind the last box is no part of the image: a line end, padding, what a program appended. */
function topLevel(bytes: ByteReader): { meta: Box | undefined; moov: Box | undefined; end: number } {
  let meta: Box | undefined;
  let moov: Box | undefined;
  let at = 0;
  while (at < bytes.length) {
    const box = readBox(bytes, at, bytes.length);
    if (box === undefined) break;
    if (box.end > bytes.length) {
      if ((meta ?? moov) !== undefined && !knownBoxes.has(box.type)) break;
      throw truncated(`The file ends inside its ${bytes.fourcc(box.start + 4)} box.`);
    }
    if (box.type === 'meta') meta ??= box;
    else if (box.type === 'moov') moov ??= box;
    at = box.end;
  }
  if (at < bytes.length && (meta ?? moov) === undefined) {
    throw truncated('The file ends inside a box header.');
  }
  return { meta, moov, end: at };
}

function readMeta(bytes: ByteReader, box: Box): Meta {
  const meta: Meta = {
    primary: undefined,
    firstTile: undefined,
    itemTypes: new Map(),
    sizes: new Map(),
    isCut: false,
    colours: new Map(),
    associations: [],
    samples: new Map(),
    dataEnd: 0,
  };
  let iloc: Box | undefined;
  let idat: Box | undefined;
  let iref: Box | undefined;
  eachBox(bytes, box.payload + 4, box.end, (child) => {
    if (child.type === 'pitm') meta.primary = readId(bytes, child.payload + 4, bytes.u8(child.payload) > 0);
    else if (child.type === 'iinf') readItems(bytes, child, meta);
    else if (child.type === 'iprp') readProperties(bytes, child, meta);
    else if (child.type === 'iloc') iloc = child;
    else if (child.type === 'idat') idat = child;
    else if (child.type === 'iref') iref = child;
  });
  if (iref !== undefined) meta.firstTile = readFirstTile(bytes, iref, meta.primary);
  if (iloc !== undefined) {
    meta.dataEnd = readExtents(bytes, box, iloc, idat, (item, start, end) => {
      if (meta.itemTypes.get(item) === 'av01') meta.samples.set(item, av1Samples(bytes, start, end));
    });
  }
  return meta;
}

function readId(bytes: ByteReader, at: number, wide: boolean): number {
  return wide ? bytes.u32be(at) : bytes.u16be(at);
}

/** The first of the items from which `primary` is derived (`dimg`). */
function readFirstTile(bytes: ByteReader, iref: Box, primary: number | undefined): number | undefined {
  const wide = bytes.u8(iref.payload) > 0;
  const size = wide ? 4 : 2;
  let first: number | undefined;
  eachBox(bytes, iref.payload + 4, iref.end, ({ type, payload, end }) => {
    if (type !== 'dimg' || payload + 2 * size + 2 > end || readId(bytes, payload, wide) !== primary) return;
    first ??= readId(bytes, payload + size + 2, wide);
  });
  return first;
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
        if (property.type === 'colr' && bytes.matches(property.payload, 'nclx')) meta.colours.set(index, property);
        meta.isCut ||= property.type === 'clap';
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
      if (at >= box.end) throw undecodable('The property associations are malformed.');
      const property = wideIndex ? bytes.u16be(at) & 0x7fff : bytes.u8(at) & 0x7f;
      if (meta.associations.length >= MAX_ENTRIES) throw tooMany();
      meta.associations.push({ item, property });
      at += wideIndex ? 2 : 1;
    }
    if (at > box.end) throw undecodable('The property associations are malformed.');
  }
}

function primarySize(meta: Meta): { width: number; height: number } {
  const size = propertyOf(meta, meta.primary ?? -1, meta.sizes);
  if (size !== undefined) return size;
  throw undecodable('The image container does not state the size of its picture.');
}

/** The first property of an item that is in `properties`. */
function propertyOf<T>(meta: Meta, of: number, properties: ReadonlyMap<number, T>): T | undefined {
  for (const { item, property } of meta.associations) {
    const found = item === of ? properties.get(property) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
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

function unknownCodec(meta: Meta): ImageError {
  const type = meta.itemTypes.get(meta.primary ?? -1) ?? 'nothing';
  const coded = codings.get(type) ?? type;
  return undecodable(`The HEIF picture is ${coded}; only AV1 and HEVC are supported.`);
}

function tooMany(): ImageError {
  return undecodable(`The image container lists more than ${MAX_ENTRIES} items.`);
}

/** Kinds of items that hold pictures of other codecs. */
const codings: ReadonlyMap<string, string> = new Map([
  ['avc1', 'H.264'],
  ['vvc1', 'H.266 (VVC)'],
  ['evc1', 'EVC'],
  ['jpeg', 'JPEG'],
  ['j2k1', 'JPEG 2000'],
  ['unci', 'uncompressed'],
]);

/** A grid or overlay has no codec of its own: its tiles tell. */
function codecOf(meta: Meta): 'avif' | 'heic' | undefined {
  const own = meta.itemTypes.get(meta.primary ?? -1);
  const types = own === 'av01' || own === 'hvc1' ? [own] : [...meta.itemTypes.values()];
  if (types.includes('hvc1')) return 'heic';
  return types.includes('av01') ? 'avif' : undefined;
}
