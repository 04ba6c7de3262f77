/**
 * Directories of TIFF and BigTIFF, in either byte order.
 *
 * As libtiff reads them: of two fields with one tag the first counts; a field of a type that is not known is passed over; a field
 * whose values lie outside of the file matters only to what asks for them. A directory may end with the file, without the
 * pointer to the next.
 */
import type { ByteReader } from '../byte-reader.js';
import { undecodable } from '../image-info.js';

/** Bytes of each field type (TIFF 6.0, TIFF Technical Note 1, BigTIFF); index 0 is not a type. */
const typeBytes: readonly number[] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
const MAX_ENTRIES = 4096;

interface Field {
  readonly type: number;
  readonly count: number;
  /** Where the values lie. */
  readonly at: number;
}

export class Tiff {
  readonly little: boolean;
  readonly big: boolean;

  constructor(readonly bytes: ByteReader) {
    this.little = bytes.matches(0, 'II');
    this.big = this.u16(2) === 43;
    if (this.big && (this.u16(4) !== 8 || this.u16(6) !== 0)) {
      throw undecodable('The BigTIFF header is malformed.');
    }
  }

  /** Offset of the first directory. */
  get first(): number {
    return this.offset(this.big ? 8 : 4);
  }

  u16(at: number): number {
    return this.little ? this.bytes.u16le(at) : this.bytes.u16be(at);
  }

  u32(at: number): number {
    return this.little ? this.bytes.u32le(at) : this.bytes.u32be(at);
  }

  u64(at: number): number {
    return this.little ? this.bytes.u64le(at) : this.bytes.u64be(at);
  }

  /** Of 4 bytes, in a BigTIFF of 8. */
  offset(at: number): number {
    return this.big ? this.u64(at) : this.u32(at);
  }
}

export class Directory {
  /** End of the directory and of the values of its fields, as far as they lie in the file. */
  readonly end: number;
  /** Offset of the next directory; 0 where there is none. */
  readonly next: number;
  readonly #fields = new Map<number, Field>();

  /** @throws ImageError where the file ends before the directory does */
  constructor(
    readonly tiff: Tiff,
    readonly at: number,
  ) {
    const { bytes, big } = tiff;
    if (at < 8) throw undecodable('The TIFF has no image directory.');
    const entries = big ? tiff.u64(at) : tiff.u16(at);
    const [start, size, pointer] = big ? [at + 8, 20, 8] : [at + 2, 12, 4];
    bytes.need(start, entries * size, 'image directory');
    if (entries > MAX_ENTRIES) {
      throw undecodable(`The TIFF directory claims ${entries} entries.`);
    }
    const last = start + entries * size;
    const hasNext = last + pointer <= bytes.length;
    this.next = hasNext ? tiff.offset(last) : 0;
    let end = hasNext ? last + pointer : bytes.length;
    for (let entry = start; entry < last; entry += size) {
      bytes.countPart();
      const type = tiff.u16(entry + 2);
      const count = tiff.offset(entry + 4);
      // Of an unknown type: nothing, which throws where a number is asked for.
      const length = (typeBytes[type] ?? 0) * count;
      const inline = entry + (big ? 12 : 8);
      const at = length > pointer ? tiff.offset(inline) : inline;
      if (length > 0 && at + length <= bytes.length) end = Math.max(end, at + length);
      const tag = tiff.u16(entry);
      if (!this.#fields.has(tag)) this.#fields.set(tag, { type, count, at });
    }
    this.end = end;
  }

  has(tag: number): boolean {
    return this.#fields.has(tag);
  }

  /** How many values the field has, 0 where it is missing. */
  count(tag: number): number {
    return this.#fields.get(tag)?.count ?? 0;
  }

  /** Where the field's values lie, as bytes. Throws `image_truncated` where the file ends before. */
  extent(tag: number): { readonly at: number; readonly length: number } | undefined {
    const field = this.#fields.get(tag);
    if (field === undefined) return undefined;
    const length = (typeBytes[field.type] ?? 0) * field.count;
    this.tiff.bytes.need(field.at, length, 'field values');
    return { at: field.at, length };
  }

  /** The whole number at `index` of a field, undefined where there is none. */
  number(tag: number, index = 0): number | undefined {
    return index < this.count(tag) ? this.table(tag)(index) : undefined;
  }

  /** Reads whole numbers of a field by their index: 0 where there are fewer, or no such field. */
  table(tag: number): (index: number) => number {
    const field = this.#fields.get(tag);
    if (field === undefined) return () => 0;
    const { tiff } = this;
    const { type, count, at } = field;
    switch (type) {
      case 1:
      case 6:
      case 7:
        return (index) => (index < count ? tiff.bytes.u8(at + index) : 0);
      case 3:
      case 8:
        return (index) => (index < count ? tiff.u16(at + 2 * index) : 0);
      case 4:
      case 9:
      case 13:
        return (index) => (index < count ? tiff.u32(at + 4 * index) : 0);
      case 16:
      case 17:
      case 18:
        return (index) => (index < count ? tiff.u64(at + 8 * index) : 0);
      default:
        throw undecodable(`The TIFF field ${tag} has the type ${type} where a number is due.`);
    }
  }

  /** The first `most` numbers of a field: whole, RATIONAL or FLOAT. */
  numbers(tag: number, most: number): number[] {
    const field = this.#fields.get(tag);
    if (field === undefined) return [];
    const { tiff } = this;
    return Array.from({ length: Math.min(most, field.count) }, (_value, i) => {
      if (field.type === 5) return tiff.u32(field.at + 8 * i) / tiff.u32(field.at + 8 * i + 4);
      if (field.type !== 11) return this.number(tag, i) ?? 0;
      const { buffer } = tiff.bytes;
      tiff.bytes.need(field.at + 4 * i, 4);
      return tiff.little ? buffer.readFloatLE(field.at + 4 * i) : buffer.readFloatBE(field.at + 4 * i);
    });
  }
}
