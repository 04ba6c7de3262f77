import { readBox } from './boxes.js';
import type { ByteReader } from './byte-reader.js';

const avifBrands: ReadonlySet<string> = new Set(['avif', 'avis']);
const heicBrands: ReadonlySet<string> = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']);

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
