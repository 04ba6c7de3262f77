/**
 * From lines as they are stored to samples of 8 bits (of a palette: to its indices).
 *
 * - 1 to 7 bits are stretched to 0–255, as Pillow does.
 * - Of more, the highest 8 count, as Pillow has it for 16-bit colour. But a picture that would be black by that, since all of its
 *   samples are small, has them read as if they had been stored in fewer bytes: counts of 0–255 in 32 bits are common.
 *   16-bit colour is excepted, since Pillow's picture of it is black, too.
 * - Signed numbers are read as the bits below their sign. Where any is negative, none is said to be black.
 * - Floating-point samples are 0–1, or 0–255 where they go beyond 1 and so does their mean. What is neither (linear light with
 *   highlights, heights, distances) has no white that could be known, and is refused.
 */
import { undecodable } from '@quintet/images';
import { FORMAT, PHOTOMETRIC, type TiffPage } from '@quintet/images/tiff';

/** How samples of more than 8 bits become 8. */
export interface Reading {
  /** Bits that a whole number is shifted by. */
  readonly shift: number;
  /** The floating-point number that is white: 1 or 255. */
  readonly white: number;
}

/** What has been seen of a picture's colours with one reading. */
export interface Seen {
  /** Any bits of each byte of the whole numbers, the lowest byte first; where a second reading may be needed. */
  readonly bytes: Uint8Array;
  negative: boolean;
  least: number;
  most: number;
  sum: number;
  count: number;
}

/** Reads `out.length` samples of a line, of which every `stride`th and the `colours` − 1 behind it are colours. */
type SampleReader = (line: Uint8Array, out: Uint8Array | Uint16Array, stride: number, colours: number) => void;

export const firstReading = ({ bits, format }: TiffPage): Reading => ({
  shift: Math.max(0, bits - (format === FORMAT.signed ? 9 : 8)),
  white: 1,
});

export const nothingSeen = (): Seen => ({
  bytes: new Uint8Array(8),
  negative: false,
  least: Infinity,
  most: -Infinity,
  sum: 0,
  count: 0,
});

/** How to read the picture again, if what has been seen asks for it. Throws where no reading is right. */
export function nextReading({ bits, format }: TiffPage, reading: Reading, seen: Seen): Reading | undefined {
  if (format === FORMAT.float) {
    const { least, most, sum, count } = seen;
    if (least >= 0 && most <= reading.white) return undefined;
    if (reading.white === 1 && least >= 0 && most <= 255 && sum > count) return { ...reading, white: 255 };
    throw undecodable(
      `The TIFF has floating-point samples from ${short(least)} to ${short(most)}; 0 to 1 or 0 to 255 can be read.`,
    );
  }
  if (seen.negative) {
    throw undecodable('The TIFF has negative samples, of which none is said to be black.');
  }
  const highest = seen.bytes.findLastIndex((byte) => byte !== 0);
  const isSmall = highest >= 0 && highest < Math.ceil(bits / 8) - 1;
  return isSmall && reading.shift !== 8 * highest ? { ...reading, shift: 8 * highest } : undefined;
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'values that are no numbers';
}

export function sampleReader(page: TiffPage, { shift, white }: Reading, seen: Seen): SampleReader {
  const { bits, format, photometric } = page;
  if (photometric === PHOTOMETRIC.palette) {
    return (line, out) => {
      readBits(line, out, bits, page);
    };
  }
  if (format === FORMAT.float) return floatReader(page, white, seen);
  if (bits === 8 && format === FORMAT.unsigned) {
    return (line, out) => {
      out.set(line.subarray(0, out.length));
    };
  }
  if (bits < 8) {
    const scale = Uint8Array.from({ length: 1 << bits }, (_value, v) => Math.round((v * 255) / ((1 << bits) - 1)));
    return (line, out) => {
      readBits(line, out, bits, page);
      for (let i = 0; i < out.length; i += 1) out[i] = scale[out[i] ?? 0] ?? 0;
    };
  }
  const read = bits % 8 === 0 ? wholeBytes(page, shift) : partBytes(page, shift);
  const note = noteBytes(page, seen);
  if (note === undefined) return read;
  return (line, out, stride, colours) => {
    read(line, out);
    for (let i = 0; i < out.length; i += stride) {
      for (let c = 0; c < colours; c += 1) note(line, i + c, out[i + c] ?? 0);
    }
  };
}

/** Takes down what may ask for a second reading; nothing where there will be none. */
function noteBytes(page: TiffPage, seen: Seen): ((line: Uint8Array, index: number, read: number) => void) | undefined {
  const { bits, format, colours } = page;
  const { bytes } = seen;
  if (format === FORMAT.unsigned && bits === 16 && colours > 1) return undefined;
  if (bits % 8 !== 0) {
    return (_line, _index, read) => {
      bytes[read === 0 ? 0 : 1] = 1;
    };
  }
  const width = bits / 8;
  const { little } = page.directory.tiff;
  const top = width - 1;
  return (line, index) => {
    for (let b = 0; b < width; b += 1) {
      const byte = line[index * width + (little ? b : top - b)] ?? 0;
      bytes[b] = (bytes[b] ?? 0) | byte;
      if (b === top && format === FORMAT.signed && byte > 127) seen.negative = true;
    }
  };
}

type Unpack = (line: Uint8Array, out: Uint8Array | Uint16Array) => void;

/** 8 bits of each sample, `shift` bits above its lowest: a reading lower than the first has seen nothing above. */
function wholeBytes({ bits, directory }: TiffPage, shift: number): Unpack {
  const bytes = bits / 8;
  const [index, part] = [shift >> 3, shift & 7];
  const { little } = directory.tiff;
  const at = little ? index : bytes - 1 - index;
  if (part === 0) {
    return (line, out) => {
      for (let i = 0, from = at; i < out.length; i += 1, from += bytes) out[i] = line[from] ?? 0;
    };
  }
  const above = little ? 1 : -1;
  return (line, out) => {
    for (let i = 0, from = at; i < out.length; i += 1, from += bytes) {
      out[i] = ((((line[from + above] ?? 0) << 8) | (line[from] ?? 0)) >> part) & 255;
    }
  };
}

function partBytes(page: TiffPage, shift: number): Unpack {
  let wide = new Uint16Array(0);
  return (line, out) => {
    if (wide.length !== out.length) wide = new Uint16Array(out.length);
    readBits(line, wide, page.bits, page);
    for (let i = 0; i < out.length; i += 1) out[i] = (wide[i] ?? 0) >> shift;
  };
}

/** Numbers of 1 to 16 bits, the highest bit first; of 16 bits in the file's byte order. */
function readBits(line: Uint8Array, out: Uint8Array | Uint16Array, bits: number, { directory }: TiffPage): void {
  if (bits === 8) {
    out.set(line.subarray(0, out.length));
    return;
  }
  if (bits === 16) {
    const [high, low] = directory.tiff.little ? [1, 0] : [0, 1];
    for (let i = 0; i < out.length; i += 1) out[i] = ((line[2 * i + high] ?? 0) << 8) | (line[2 * i + low] ?? 0);
    return;
  }
  const mask = (1 << bits) - 1;
  let [window, left, from] = [0, 0, 0];
  for (let i = 0; i < out.length; i += 1) {
    while (left < bits) {
      window = ((window & 0xffff) << 8) | (line[from++] ?? 0);
      left += 8;
    }
    left -= bits;
    out[i] = (window >>> left) & mask;
  }
}

function floatReader({ bits, directory }: TiffPage, white: number, seen: Seen): SampleReader {
  const { little } = directory.tiff;
  const bytes = bits / 8;
  return (line, out, stride, colours) => {
    const view = new DataView(line.buffer, line.byteOffset, line.byteLength);
    for (let i = 0; i < out.length; i += 1) {
      const at = i * bytes;
      const value =
        bytes === 4
          ? view.getFloat32(at, little)
          : bytes === 8
            ? view.getFloat64(at, little)
            : half(view.getUint16(at, little));
      if (i % stride < colours) {
        // Comparisons that a value which is no number makes false, too, must show it.
        if (!(value >= seen.least)) seen.least = Number.isNaN(value) ? -Infinity : value;
        if (!(value <= seen.most)) seen.most = Number.isNaN(value) ? Infinity : value;
        seen.sum += value;
        seen.count += 1;
      }
      const scaled = white === 1 ? value * 255 + 0.5 : value;
      out[i] = scaled > 255 ? 255 : scaled > 0 ? scaled : 0;
    }
  };
}

/** IEEE 754 binary16. */
function half(word: number): number {
  const exponent = (word >> 10) & 31;
  const fraction = word & 1023;
  const sign = word >= 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Undoes the differences of a line in place (TIFF 6.0, section 14; Technical Note 3 for floating-point numbers). */
type Undo = (line: Uint8Array) => void;

/** `stride`: samples of a pixel that lie in the line. */
export function predictorOf({ predictor, bits, directory }: TiffPage, stride: number): Undo | undefined {
  if (predictor === 1) return undefined;
  const bytes = bits / 8;
  const { little } = directory.tiff;
  return predictor === 3 ? floatBytes(bytes, stride, little) : differences(bytes, stride, little);
}

function differences(bytes: number, stride: number, little: boolean): Undo {
  if (bytes === 1) {
    return (line) => {
      for (let i = stride; i < line.length; i += 1) line[i] = (line[i] ?? 0) + (line[i - stride] ?? 0);
    };
  }
  // Byte by byte from the lowest, with what is carried.
  const back = stride * bytes;
  return (line) => {
    for (let at = back; at + bytes <= line.length; at += bytes) {
      let carry = 0;
      for (let b = 0; b < bytes; b += 1) {
        const i = little ? at + b : at + bytes - 1 - b;
        const sum = (line[i] ?? 0) + (line[i - back] ?? 0) + carry;
        line[i] = sum;
        carry = sum >> 8;
      }
    }
  };
}

/** The bytes of all numbers lie apart, the highest first, and are differenced as bytes. */
function floatBytes(bytes: number, stride: number, little: boolean): Undo {
  let copy = new Uint8Array(0);
  return (line) => {
    for (let i = stride; i < line.length; i += 1) line[i] = (line[i] ?? 0) + (line[i - stride] ?? 0);
    if (copy.length !== line.length) copy = new Uint8Array(line.length);
    copy.set(line);
    const count = line.length / bytes;
    for (let i = 0; i < count; i += 1) {
      for (let b = 0; b < bytes; b += 1) {
        line[i * bytes + (little ? bytes - 1 - b : b)] = copy[b * count + i] ?? 0;
      }
    }
  };
}
