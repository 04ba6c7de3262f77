/** A TIFF as one asks for it, true or not: directories of raw fields, and bytes that the fields point at. */

export interface TiffField {
  readonly tag: number;
  /** 1 BYTE, 2 ASCII, 3 SHORT, 4 LONG, 5 RATIONAL, 7 UNDEFINED, … */
  readonly type: number;
  readonly values: readonly number[];
  /** What the directory claims, where that is not the number of values. */
  readonly count?: number;
  /** Where the directory says the values are, in place of where they are. */
  readonly offset?: number;
}

const widths: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8, 13: 4, 16: 8 };

export interface TiffOptions {
  readonly fields: readonly TiffField[];
  /** Stands behind the header, at offset 8 or 16; fields may point into it. */
  readonly data?: Uint8Array;
  /**
   * Offset of the next directory: 0 (none) by default, 'self' makes a circle, 'missing' ends the file with the last entry, behind the
   * values.
   */
  readonly next?: number | 'self' | 'missing';
  /** Byte order; 'II' by default. */
  readonly order?: 'II' | 'MM';
  /** BigTIFF. */
  readonly big?: boolean;
  /** A page without the file's header, to stand at this offset of a file. */
  readonly at?: number;
}

/** Of the file's header. */
export const headerBytes = (big = false): number => (big ? 16 : 8);

/** Header, data, directory, values. */
export function writeTiff(options: TiffOptions): Buffer {
  const { fields, data = new Uint8Array(0), next = 0, order = 'II', big = false, at = 0 } = options;
  const little = order === 'II';
  const number = (value: number, bytes: number): Buffer => {
    const buffer = Buffer.alloc(bytes);
    const most = Math.min(6, bytes);
    if (little) buffer.writeUIntLE(value, 0, most);
    else buffer.writeUIntBE(value, bytes - most, most);
    return buffer;
  };
  const pointer = big ? 8 : 4;
  const header =
    at > 0 ? [] : [Buffer.from(order), number(big ? 43 : 42, 2), ...(big ? [number(8, 2), number(0, 2)] : [])];
  const dataAt = at > 0 ? at : headerBytes(big);
  const behindData = dataAt + data.length + (data.length & 1);
  const entryBytes = (big ? 8 : 2) + fields.length * (big ? 20 : 12) + (next === 'missing' ? 0 : pointer);
  const values = fields.map(({ type, values: all }) => {
    const width = widths[type] ?? 1;
    // Of a RATIONAL: numerators; the denominator is 1.
    return Buffer.concat(
      all.map((value) =>
        width === 8 && type === 5 ? Buffer.concat([number(value, 4), number(1, 4)]) : number(value, width),
      ),
    );
  });
  const outside = values.filter((each) => each.length > pointer);
  const outsideBytes = outside.reduce((sum, each) => sum + each.length, 0);
  const directory = next === 'missing' ? behindData + outsideBytes : behindData;
  let valuesAt = next === 'missing' ? behindData : directory + entryBytes;
  const entries = fields.map((field, i) => {
    const own = values[i] ?? Buffer.alloc(0);
    const isOutside = own.length > pointer;
    const stored = field.offset ?? (isOutside ? valuesAt : undefined);
    if (isOutside) valuesAt += own.length;
    return Buffer.concat([
      number(field.tag, 2),
      number(field.type, 2),
      number(field.count ?? field.values.length, pointer),
      stored === undefined ? Buffer.concat([own, Buffer.alloc(pointer - own.length)]) : number(stored, pointer),
    ]);
  });
  const list = Buffer.concat([
    number(fields.length, big ? 8 : 2),
    ...entries,
    ...(next === 'missing' ? [] : [number(next === 'self' ? directory : next, pointer)]),
  ]);
  return Buffer.concat([
    ...header,
    ...(at > 0 ? [] : [number(directory, pointer)]),
    data,
    Buffer.alloc(data.length & 1),
    ...(next === 'missing' ? [...outside, list] : [list, ...outside]),
  ]);
}

export interface StripOptions {
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  readonly bits: number;
  /** 1 none, 5 LZW, 8 deflate, 32773 packbits. */
  readonly compression: number;
  /** Each a strip, or a tile. */
  readonly strips: readonly Uint8Array[];
  readonly rowsPerStrip?: number;
  readonly tile?: { readonly width: number; readonly height: number };
  readonly planar?: boolean;
  readonly more?: readonly TiffField[];
  readonly next?: number | 'self';
}

/** A page of strips or tiles. */
export function stripTiff(options: StripOptions): Buffer {
  const { width, height, samples, bits, compression, strips, tile } = options;
  let at = 8;
  const offsets = strips.map((strip) => {
    const start = at;
    at += strip.length;
    return start;
  });
  const sizes = strips.map((strip) => strip.length);
  const longs = (tag: number, values: readonly number[]): TiffField => ({ tag, type: 4, values });
  const long = (tag: number, value: number): TiffField => longs(tag, [value]);
  const short = (tag: number, ...values: readonly number[]): TiffField => ({ tag, type: 3, values });
  const fields = [
    long(256, width),
    long(257, height),
    short(258, ...Array.from({ length: samples }, () => bits)),
    short(259, compression),
    short(262, samples >= 3 ? 2 : 1),
    ...(tile === undefined ? [longs(273, offsets)] : []),
    short(277, samples),
    ...(tile === undefined ? [long(278, options.rowsPerStrip ?? height), longs(279, sizes)] : []),
    short(284, options.planar === true ? 2 : 1),
    ...(tile === undefined
      ? []
      : [long(322, tile.width), long(323, tile.height), longs(324, offsets), longs(325, sizes)]),
    ...(samples === 4 ? [short(338, 2)] : []),
    ...(options.more ?? []),
  ].sort((a, b) => a.tag - b.tag);
  return writeTiff({ fields, data: Buffer.concat(strips), ...(options.next !== undefined && { next: options.next }) });
}
