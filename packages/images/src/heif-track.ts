import { type Box, eachBox } from './boxes.js';
import type { ByteReader } from './byte-reader.js';
import { ImageError } from './image-error.js';

/** Bytes of the file, from `start` to before `end`. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** The first frame of an image sequence, and how it is coded. */
export interface Track {
  readonly codec: 'avif' | 'heic';
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** The data of the first frame. */
  readonly sample: Extent;
  /** The box `av1C` or `hvcC`. */
  readonly configuration: Extent;
  /** The box `colr` with coded colours. */
  readonly colour: Box | undefined;
}

const codecs: ReadonlyMap<string, Track['codec']> = new Map([
  ['av01', 'avif'],
  ['hvc1', 'heic'],
  ['hev1', 'heic'],
]);

/** What a visual sample entry has before its boxes (ISO/IEC 14496-12, 12.1.3), and where its size is in that. */
const ENTRY_HEAD = 78;
const ENTRY_SIZE = 24;

/** The first track of a movie box that holds pictures and is no alpha plane; undefined where there is none. */
export function readTrack(bytes: ByteReader, moov: Box): Track | undefined {
  let found: Track | undefined;
  eachBox(bytes, moov.payload, moov.end, (box) => {
    if (box.type === 'trak') found ??= trackOf(bytes, box);
  });
  return found;
}

function trackOf(bytes: ByteReader, trak: Box): Track | undefined {
  const boxes = new Map<string, Box>();
  const collect = (parent: Box): void => {
    eachBox(bytes, parent.payload, parent.end, (box) => {
      if (['mdia', 'minf', 'stbl', 'tref'].includes(box.type)) collect(box);
      else boxes.set(box.type, box);
    });
  };
  collect(trak);
  const [stsd, stsz] = [boxes.get('stsd'), boxes.get('stsz')];
  const chunks = boxes.get('stco') ?? boxes.get('co64');
  if (boxes.has('auxl') || stsd === undefined || stsz === undefined || chunks === undefined) return undefined;
  const [sizeOfEach, frames] = [bytes.u32be(stsz.payload + 4), bytes.u32be(stsz.payload + 8)];
  if (frames === 0 || bytes.u32be(chunks.payload + 4) === 0) return undefined;
  const length = sizeOfEach > 0 ? sizeOfEach : bytes.u32be(stsz.payload + 12);
  const start = chunks.type === 'co64' ? bytes.u64be(chunks.payload + 8) : bytes.u32be(chunks.payload + 8);
  const entry = readEntry(bytes, stsd);
  if (entry === undefined) return undefined;
  bytes.need(start, length, 'first frame');
  return { ...entry, frames, sample: { start, end: start + length } };
}

/** The first sample entry, if it is of a codec that is known. */
function readEntry(bytes: ByteReader, stsd: Box): Omit<Track, 'frames' | 'sample'> | undefined {
  let entry: Box | undefined;
  eachBox(bytes, stsd.payload + 8, stsd.end, (box) => {
    entry ??= box;
  });
  const codec = codecs.get(entry?.type ?? '');
  if (entry === undefined || codec === undefined) return undefined;
  let configuration: Extent | undefined;
  let colour: Box | undefined;
  eachBox(bytes, entry.payload + ENTRY_HEAD, entry.end, (box) => {
    if (box.type === (codec === 'avif' ? 'av1C' : 'hvcC')) configuration ??= box;
    else if (box.type === 'colr' && bytes.matches(box.payload, 'nclx')) colour ??= box;
  });
  if (configuration === undefined) {
    throw new ImageError('image_undecodable', 'The image sequence does not say how it is coded.');
  }
  const size = entry.payload + ENTRY_SIZE;
  return { codec, width: bytes.u16be(size), height: bytes.u16be(size + 2), configuration, colour };
}
