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

const widths: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8, 13: 4 };

export interface TiffOptions {
  readonly fields: readonly TiffField[];
  /** Stands behind the header at offset 8; fields may point into it. */
  readonly data?: Uint8Array;
  /** Offset of the next directory: 0 (none) by default, 'self' makes a circle. */
  readonly next?: number | 'self';
}

/** Little-endian: header, data, directory, values. */
export function writeTiff({ fields, data = new Uint8Array(0), next = 0 }: TiffOptions): Buffer {
  const directory = 8 + data.length + (data.length & 1);
  let valuesAt = directory + 2 + 12 * fields.length + 4;
  const head = Buffer.alloc(directory);
  head.write('II*\0', 0, 'latin1');
  head.writeUInt32LE(directory, 4);
  head.set(data, 8);
  const entries = Buffer.alloc(2 + 12 * fields.length + 4);
  entries.writeUInt16LE(fields.length, 0);
  const outside: Buffer[] = [];
  fields.forEach((field, index) => {
    const at = 2 + 12 * index;
    const width = widths[field.type] ?? 1;
    const values = Buffer.alloc(Math.max(4, width * field.values.length));
    field.values.forEach((value, i) => values.writeUIntLE(value, i * width, Math.min(width, 4)));
    entries.writeUInt16LE(field.tag, at);
    entries.writeUInt16LE(field.type, at + 2);
    entries.writeUInt32LE(field.count ?? field.values.length, at + 4);
    if (field.offset !== undefined) entries.writeUInt32LE(field.offset, at + 8);
    else if (values.length <= 4) values.copy(entries, at + 8);
    else {
      entries.writeUInt32LE(valuesAt, at + 8);
      outside.push(values);
      valuesAt += values.length;
    }
  });
  entries.writeUInt32LE(next === 'self' ? directory : next, entries.length - 4);
  return Buffer.concat([head, entries, ...outside]);
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
