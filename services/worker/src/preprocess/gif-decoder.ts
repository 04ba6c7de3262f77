/**
 * The first frame of a GIF as RGB, as Pillow's `convert('RGB')` gives it, to the bit: transparency is ignored, and what the frame
 * does not cover has the transparent index, or without one index 0.
 *
 * A decoder of our own, since libvips' (libnsgif) takes data that end early for a whole picture, shows what lies outside the frame
 * otherwise, and reads all frames to show one. Source of the method: Pillow's GifDecode.c and GifImagePlugin.py.
 */
import { ByteReader, readFirstFrame, truncated, undecodable, type GifFrame, type ImageError } from '@quintet/images';
import type { Raster } from './crop-with-sharp.js';

/** Of codes: 12 bits. */
const TABLE = 4096;
const MOST_BITS = 12;
/** First row and distance to the next one, of the passes of an interlaced frame. */
const passes = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const;

/**
 * Decodes a GIF that `inspectImage` has accepted, in the calling thread.
 *
 * @throws ImageError `image_truncated` or `image_undecodable` if its data do not make a whole frame
 */
export function decodeGif(bytes: Buffer): Raster {
  const frame = readFirstFrame(new ByteReader(bytes));
  const indexes = new Uint8Array(frame.width * frame.height);
  unpack(bytes, frame.dataAt, indexes);
  const { canvasWidth, canvasHeight, left, top } = frame;
  const colours = coloursOf(bytes, frame);
  const data = new Uint8Array(canvasWidth * canvasHeight * 3);
  if (frame.width < canvasWidth || frame.height < canvasHeight) {
    const at = 3 * (frame.transparent ?? 0);
    const [red = 0, green = 0, blue = 0] = colours.subarray(at, at + 3);
    for (let i = 0; i < data.length; i += 3) {
      data[i] = red;
      data[i + 1] = green;
      data[i + 2] = blue;
    }
  }
  let from = 0;
  for (const y of rowsOf(frame)) {
    let to = ((top + y) * canvasWidth + left) * 3;
    for (const end = from + frame.width; from < end; from += 1, to += 3) {
      const at = 3 * (indexes[from] ?? 0);
      data[to] = colours[at] ?? 0;
      data[to + 1] = colours[at + 1] ?? 0;
      data[to + 2] = colours[at + 2] ?? 0;
    }
  }
  return { data, width: canvasWidth, height: canvasHeight };
}

function* rowsOf({ height, interlaced }: GifFrame): Generator<number> {
  for (const [first, step] of interlaced ? passes : ([[0, 1]] as const)) {
    for (let y = first; y < height; y += step) yield y;
  }
}

/** RGB of each index: those that the palette does not have are black. Without a palette, an index is a grey. */
function coloursOf(bytes: Buffer, { palette }: GifFrame): Uint8Array {
  const colours = new Uint8Array(256 * 3);
  if (palette.colours > 0) colours.set(bytes.subarray(palette.at, palette.at + 3 * palette.colours));
  else colours.forEach((_value, i) => (colours[i] = Math.trunc(i / 3)));
  return colours;
}

/** LZW with codes of growing length, in sub-blocks; fills `out` or throws. */
function unpack(bytes: Buffer, dataAt: number, out: Uint8Array): void {
  const literalBits = bytes[dataAt] ?? 0;
  if (literalBits >= MOST_BITS) throw damaged();
  const clear = 1 << literalBits;
  // Of each code: the code that it continues, its last pixel, and how many pixels it stands for.
  const links = new Uint16Array(TABLE);
  const pixels = new Uint8Array(TABLE);
  const lengths = new Uint16Array(TABLE);
  for (let code = 0; code < clear; code += 1) {
    pixels[code] = code;
    lengths[code] = 1;
  }
  let bits = 0;
  let bitCount = 0;
  let codeBits = literalBits + 1;
  let next = clear + 2;
  let previous = -1;
  let done = 0;
  let at = dataAt + 1;
  let blockEnd = at;
  while (done < out.length) {
    while (bitCount < codeBits) {
      if (at === blockEnd) {
        const size = bytes[at];
        if (size === undefined) throw truncated('The GIF ends within its picture data.');
        if (size === 0) throw undecodable('The GIF has fewer pixels than it says.');
        at += 1;
        blockEnd = at + size;
      }
      bits |= (bytes[at] ?? 0) << bitCount;
      bitCount += 8;
      at += 1;
    }
    const code = bits & ((1 << codeBits) - 1);
    bits >>>= codeBits;
    bitCount -= codeBits;
    if (code === clear) {
      codeBits = literalBits + 1;
      next = clear + 2;
      previous = -1;
      continue;
    }
    if (code === clear + 1) throw undecodable('The GIF has fewer pixels than it says.');
    // A code that is not in the table yet is the previous one and its own first pixel.
    if (code > next || (previous < 0 && code > clear) || (code === next && next === TABLE)) throw damaged();
    const known = code < next ? code : previous;
    const length = (lengths[known] ?? 0) + (code < next ? 0 : 1);
    let first = known;
    let to = done + length - (code < next ? 1 : 2);
    for (let left = lengths[known] ?? 0; left > 0; left -= 1, to -= 1) {
      if (to < out.length) out[to] = pixels[first] ?? 0;
      if (left > 1) first = links[first] ?? 0;
    }
    const firstPixel = pixels[first] ?? 0;
    if (code === next && done + length - 1 < out.length) out[done + length - 1] = firstPixel;
    done += length;
    if (previous >= 0 && next < TABLE) {
      links[next] = previous;
      pixels[next] = firstPixel;
      lengths[next] = (lengths[previous] ?? 0) + 1;
      next += 1;
      if (next === 1 << codeBits && codeBits < MOST_BITS) codeBits += 1;
    }
    previous = code;
  }
}

function damaged(): ImageError {
  return undecodable('The picture data of the GIF are damaged.');
}
