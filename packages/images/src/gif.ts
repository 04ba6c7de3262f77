import type { ByteReader } from './byte-reader.js';
import { gifMemory } from './decode-memory.js';
import { checkDimensions, ImageError, undecodable, type ImageLimits, type Walk } from './image-info.js';

const TRAILER = 0x3b;
const EXTENSION = 0x21;
const FRAME = 0x2c;
const GRAPHIC_CONTROL = 0xf9;
const SCREEN = 13;

/** The first frame of a GIF, as its blocks describe it. */
export interface GifFrame {
  /** The screen, grown to the frame where that reaches beyond it. */
  readonly canvasWidth: number;
  readonly canvasHeight: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
  /** Where its colours are, red first, three bytes each; the frame's own before the file's. No colours: indexes are grey. */
  readonly palette: { readonly at: number; readonly colours: number };
  /** The index that means "nothing here"; undefined where none does. */
  readonly transparent: number | undefined;
  /** LZW minimum code size, followed by sub-blocks. */
  readonly dataAt: number;
}

/**
 * Reads a GIF up to the data of its first frame. Bytes between blocks that are no block are skipped, as Pillow skips them.
 *
 * @throws ImageError `image_truncated` if the file ends before, `image_undecodable` if it has no frame
 */
export function readFirstFrame(bytes: ByteReader): GifFrame {
  const screen = { width: bytes.u16le(6), height: bytes.u16le(8), palette: tableAt(SCREEN, bytes.u8(10)) };
  let at = SCREEN + 3 * screen.palette.colours;
  let transparent: number | undefined;
  for (;;) {
    bytes.countPart();
    const block = bytes.u8(at);
    if (block === TRAILER) throw undecodable('The GIF holds no picture.');
    if (block === FRAME) break;
    if (block === EXTENSION) {
      if (bytes.u8(at + 1) === GRAPHIC_CONTROL && bytes.u8(at + 2) >= 4 && (bytes.u8(at + 3) & 1) === 1) {
        transparent = bytes.u8(at + 6);
      }
      at = skipSubBlocks(bytes, at + 2);
    } else {
      at += 1;
    }
  }
  const [left, top, width, height] = [
    bytes.u16le(at + 1),
    bytes.u16le(at + 3),
    bytes.u16le(at + 5),
    bytes.u16le(at + 7),
  ];
  const flags = bytes.u8(at + 9);
  const own = tableAt(at + 10, flags);
  const palette = own.colours > 0 ? own : screen.palette;
  bytes.need(palette.at, 3 * palette.colours, 'GIF colours');
  return {
    canvasWidth: Math.max(screen.width, left + width),
    canvasHeight: Math.max(screen.height, top + height),
    ...{ left, top, width, height },
    interlaced: (flags & 0x40) !== 0,
    palette,
    transparent,
    dataAt: at + 10 + 3 * own.colours,
  };
}

/** A palette that is there or not, by the flags before it. */
function tableAt(at: number, flags: number): GifFrame['palette'] {
  return { at, colours: (flags & 0x80) === 0 ? 0 : 2 ** ((flags & 7) + 1) };
}

/** The offset behind the empty sub-block that ends them. Throws `image_truncated` where the file ends before. */
function skipSubBlocks(bytes: ByteReader, from: number): number {
  for (let at = from; ;) {
    bytes.countPart();
    const size = bytes.u8(at);
    at += 1 + size;
    if (size === 0) return at;
  }
}

/** What follows the first frame: how many more frames, and where the picture's own structure ends. */
interface GifRest {
  readonly frames: number;
  readonly end: number;
}

/**
 * Counts further frames up to the trailer, the end of the file, or the first byte that begins no block: only the first frame is
 * ever shown, so none of that is a fault. Zeros between blocks are passed.
 */
function readRest(bytes: ByteReader, from: number): GifRest {
  let frames = 0;
  for (let at = from; at < bytes.length;) {
    bytes.countPart();
    const block = bytes.u8(at);
    if (block === TRAILER) return { frames, end: at + 1 };
    if (block === 0) {
      at += 1;
      continue;
    }
    if (block !== FRAME && block !== EXTENSION) return { frames, end: at };
    try {
      const data = block === EXTENSION ? at + 2 : at + 11 + 3 * tableAt(0, bytes.u8(at + 9)).colours;
      at = skipSubBlocks(bytes, data);
    } catch (error) {
      if (error instanceof ImageError && error.code === 'image_truncated') return { frames, end: bytes.length };
      throw error;
    }
    if (block === FRAME) frames += 1;
  }
  return { frames, end: bytes.length };
}

/**
 * GIF87a and GIF89a: screen descriptor, then extension and image blocks up to the trailer byte. All of the first frame must be
 * there, but for the empty block that ends its data; whether that lacks pixels, its decoder finds.
 */
export function walkGif(bytes: ByteReader, limits: ImageLimits): Walk {
  const frame = readFirstFrame(bytes);
  const [width, height] = [frame.canvasWidth, frame.canvasHeight];
  checkDimensions(width, height, limits);
  checkDimensions(frame.width, frame.height, limits);
  const { frames, end } = readRest(bytes, dataEnd(bytes, frame.dataAt + 1));
  return {
    ...{ width, height, frames: 1 + frames, orientation: 1, end },
    decodeBytes: gifMemory(width * height, frame.width * frame.height),
  };
}

/** Behind the first frame's data, which may end with the file. */
function dataEnd(bytes: ByteReader, from: number): number {
  bytes.need(from, 1);
  for (let at = from; at < bytes.length;) {
    bytes.countPart();
    const size = bytes.u8(at);
    bytes.need(at + 1, size, 'picture data');
    at += 1 + size;
    if (size === 0) return at;
  }
  return bytes.length;
}
