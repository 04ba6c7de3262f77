import type { ByteReader } from './byte-reader.js';

/** What an AV1 sequence header says of the samples. */
export interface Av1Samples {
  readonly chroma: '4:2:0' | '4:4:4';
  /** Of a sample. */
  readonly bits: 8 | 10 | 12;
  /** No chroma at all. */
  readonly grey: boolean;
  /** Samples take all values, or from 16 to 235 and 240 (of 8 bits). */
  readonly full: boolean;
  /** How RGB was turned into luma and chroma (ITU-T H.273, table 4); 2 where nothing is said. */
  readonly matrix: number;
}

/** Taken where no header is found: what costs most. */
const worst: Av1Samples = { chroma: '4:4:4', bits: 12, grey: false, full: true, matrix: 2 };

/** Primaries, transfer and matrix of sRGB: its samples are of full range, and the header does not say so. */
const SRGB = 0x01_0d_00;

const SEQUENCE_HEADER = 1;
/** Units before the sequence header: a temporal delimiter, perhaps metadata. */
const MAX_UNITS = 8;

/**
 * The samples of the AV1 data at `start` (AV1 specification 5.3 and 5.5). The container says it too, and may lie; a decoder
 * believes only this.
 */
export function av1Samples(bytes: ByteReader, start: number, end: number): Av1Samples {
  let at = start;
  for (let unit = 0; unit < MAX_UNITS && at + 2 <= end; unit += 1) {
    const head = bytes.u8(at);
    const type = (head >> 3) & 15;
    at += (head & 4) === 0 ? 1 : 2;
    // Without a size the unit fills the rest.
    let size = end - at;
    if ((head & 2) !== 0) {
      size = 0;
      for (let i = 0; i < 4; i += 1) {
        const byte = bytes.u8(at);
        size += (byte & 0x7f) * 2 ** (7 * i);
        at += 1;
        if (byte < 0x80) break;
      }
    }
    if (type === SEQUENCE_HEADER) return readSequence(bytes, at, Math.min(end, at + size));
    at += size;
  }
  return worst;
}

function readSequence(bytes: ByteReader, start: number, end: number): Av1Samples {
  let bit = start * 8;
  const take = (count: number): number => {
    // Many items can say that these bytes are theirs.
    bytes.countPart();
    let value = 0;
    for (let i = 0; i < count; i += 1, bit += 1) {
      if (bit >= end * 8) return 0;
      value = value * 2 + ((bytes.u8(bit >> 3) >> (7 - (bit & 7))) & 1);
    }
    return value;
  };
  const profile = take(3);
  take(1);
  const reduced = take(1) === 1;
  if (reduced) {
    take(5);
  } else {
    // Timing, which pictures do not have, is followed by a model of the decoder: not worth reading.
    if (take(1) === 1) return worst;
    const delays = take(1) === 1;
    for (let points = take(5) + 1; points > 0; points -= 1) {
      take(12);
      if (take(5) > 7) take(1);
      if (delays && take(1) === 1) take(4);
    }
  }
  const [across, down] = [take(4) + 1, take(4) + 1];
  take(across);
  take(down);
  if (!reduced && take(1) === 1) take(7);
  take(3);
  if (!reduced) readTools(take);
  take(3);
  const deep = take(1) === 1;
  const bits = !deep ? 8 : profile === 2 && take(1) === 1 ? 12 : 10;
  const grey = profile !== 1 && take(1) === 1;
  const colours = take(1) === 1 ? take(24) : undefined;
  const full = (colours === SRGB && !grey) || take(1) === 1;
  // The header has more than was read, whatever it says.
  if (bit >= end * 8) return worst;
  return { chroma: profile === 0 ? '4:2:0' : '4:4:4', bits, grey, full, matrix: (colours ?? 2) & 255 };
}

/** From `enable_interintra_compound` to the bits of the order hint. */
function readTools(take: (count: number) => number): void {
  take(4);
  const ordered = take(1) === 1;
  if (ordered) take(2);
  const chosen = take(1) === 1;
  const screenContent = chosen || take(1) === 1;
  if (screenContent && take(1) === 0) take(1);
  if (ordered) take(3);
}
