/** The first directory of a classic TIFF, for tests that damage one. */

export interface TiffEntry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  /** Where its values are. */
  readonly at: number;
}

/** What cannot be read is left out; no entries where the file is no TIFF. */
export function tiffEntries(bytes: Buffer): TiffEntry[] {
  const { u16, u32 } = numbersOf(bytes);
  try {
    const directory = u32(4);
    return Array.from({ length: u16(directory) }, (_value, index): TiffEntry => {
      const entry = directory + 2 + 12 * index;
      const [type, count] = [u16(entry + 2), u32(entry + 4)];
      const inEntry = count * (type === 3 ? 2 : 4) <= 4;
      return { tag: u16(entry), type, count, at: inEntry ? entry + 8 : u32(entry + 8) };
    });
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** A value of an entry, of two bytes or of four. */
export function tiffValue(bytes: Buffer, entry: TiffEntry, index: number): number {
  const { u16, u32 } = numbersOf(bytes);
  return entry.type === 3 ? u16(entry.at + 2 * index) : u32(entry.at + 4 * index);
}

function numbersOf(bytes: Buffer): { u16: (at: number) => number; u32: (at: number) => number } {
  const little = bytes.toString('latin1', 0, 2) === 'II';
  return {
    u16: (at) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
    u32: (at) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)),
  };
}
