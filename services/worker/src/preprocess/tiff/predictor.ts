/** Undoes the differences of a line in place (TIFF 6.0, section 14; Technical Note 3 for floating-point numbers). */
import type { TiffPage } from '@quintet/images/tiff';

export type Undo = (line: Uint8Array) => void;

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
