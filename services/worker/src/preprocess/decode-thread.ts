/**
 * The thread in which HEIC is decoded: libheif as WebAssembly, which neither yields nor can be interrupted.
 *
 * libheif applies the container's own rotation and mirroring (`irot`, `imir`); EXIF orientation is for information only in
 * HEIF and is not applied again. One request at a time; the owner (thread-decoder.ts) keeps the clock.
 */
import { Console } from 'node:console';
import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { parentPort } from 'node:worker_threads';
import type { ImageErrorCode } from '@quintet/images';
import { reasonOf } from '../errors.js';

/** What goes to the decode thread. `bytes` is transferred. */
export interface DecodeRequest {
  readonly bytes: ArrayBuffer;
  readonly maxPixels: number;
}

/** What comes back: RGB pixels in the first width × height × 3 bytes of `pixels` (transferred), or the reason. */
export type DecodeReply =
  | {
      readonly ok: true;
      readonly width: number;
      readonly height: number;
      readonly pixels: ArrayBuffer;
      readonly retire: boolean;
    }
  | { readonly ok: false; readonly code: ImageErrorCode; readonly detail: string; readonly retire: boolean };

/** 'ready' comes first, once the decoder is loaded; then one reply for each request. */
export type ThreadMessage = 'ready' | DecodeReply;

/**
 * WebAssembly memory grows and never shrinks: past this a fresh thread is cheaper than what the old one holds beside all that
 * is decoded later. A phone's 12 megapixels stay below.
 */
const RETIRE_HEAP_BYTES = 128 * 1024 * 1024;

/** libheif's C interface (heif.h), as far as it is used. What it returns as a struct is written to the first address. */
interface LibHeif {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  _malloc(bytes: number): number;
  _free(at: number): void;
  _heif_context_alloc(): number;
  _heif_context_free(context: number): void;
  _heif_context_read_from_memory_without_copy(
    error: number,
    context: number,
    at: number,
    size: number,
    options: 0,
  ): void;
  _heif_context_get_primary_image_handle(error: number, context: number, handle: number): void;
  _heif_image_handle_get_width(handle: number): number;
  _heif_image_handle_get_height(handle: number): number;
  _heif_image_handle_get_image_tiling(error: number, handle: number, transformed: 0 | 1, tiling: number): void;
  _heif_image_handle_decode_image_tile(...args: readonly number[]): void;
  _heif_image_handle_release(handle: number): void;
  _heif_decode_image(...args: readonly number[]): void;
  _heif_image_get_width(image: number, channel: number): number;
  _heif_image_get_height(image: number, channel: number): number;
  _heif_image_get_plane_readonly2(image: number, channel: number, stride: number): number;
  _heif_image_release(image: number): void;
}

/** heif_colorspace_RGB, heif_chroma_interleaved_RGB, heif_channel_interleaved. */
const [COLOURS, CHROMA, CHANNEL] = [1, 10, 10];
/** Of an error, an address or a stride; and of a heif_image_tiling. */
const [STRUCT, TILING] = [16, 256];

// libheif's glue writes its complaints to the console; what matters is in the reply. (Reading the thread's output from the
// outside instead would keep the process alive for as long as the thread.)
const nowhere = new Writable({
  write: (_chunk, _encoding, done) => {
    done();
  },
});
globalThis.console = new Console(nowhere);

const libheif = createRequire(import.meta.url)('libheif-js/wasm-bundle') as LibHeif;

/** What is allocated in WebAssembly memory and is freed, last first, when a picture is done. */
type Cleanup = (() => void)[];

function decode(request: DecodeRequest): DecodeReply {
  const cleanup: Cleanup = [];
  try {
    const error = allocate(STRUCT, cleanup);
    const out = allocate(STRUCT, cleanup);
    const file = new Uint8Array(request.bytes);
    const at = allocate(file.length, cleanup);
    libheif.HEAPU8.set(file, at);
    const context = libheif._heif_context_alloc();
    cleanup.push(() => {
      libheif._heif_context_free(context);
    });
    libheif._heif_context_read_from_memory_without_copy(error, context, at, file.length, 0);
    if (read(error) === 0) libheif._heif_context_get_primary_image_handle(error, context, out);
    if (read(error) !== 0) return refuse('image_undecodable', 'The HEIC holds no picture that can be decoded.');
    const handle = read(out);
    cleanup.push(() => {
      libheif._heif_image_handle_release(handle);
    });
    const width = libheif._heif_image_handle_get_width(handle);
    const height = libheif._heif_image_handle_get_height(handle);
    if (width * height > request.maxPixels) {
      return refuse('image_too_many_pixels', `The HEIC decodes to ${width} × ${height} pixels.`);
    }
    const pixels = rgbOf(handle, { width, height, error, out }, cleanup);
    if (pixels === undefined)
      return refuse('image_undecodable', 'The HEIC picture data is damaged or of an unknown kind.');
    return { ok: true, width, height, pixels, retire: heapIsLarge() };
  } finally {
    for (const free of cleanup.reverse()) free();
  }
}

function allocate(bytes: number, cleanup: Cleanup): number {
  const at = libheif._malloc(bytes);
  if (at === 0) throw new Error('there is no memory for it');
  cleanup.push(() => {
    libheif._free(at);
  });
  return at;
}

/** The number at an address. */
function read(at: number): number {
  return new DataView(libheif.HEAPU8.buffer).getUint32(at, true);
}

function heapIsLarge(): boolean {
  return libheif.HEAPU8.length > RETIRE_HEAP_BYTES;
}

function refuse(code: 'image_undecodable' | 'image_too_many_pixels', detail: string): DecodeReply {
  return { ok: false, code, detail, retire: heapIsLarge() };
}

interface Place {
  readonly width: number;
  readonly height: number;
  /** Addresses for what libheif returns. */
  readonly error: number;
  readonly out: number;
}

/**
 * The picture as RGB. What phones write are grids: their tiles are decoded one by one, as they are shown (`irot` and `imir` applied),
 * so that WebAssembly never holds more than one of them. Its memory for the whole would be 8 bytes of each pixel.
 */
function rgbOf(handle: number, place: Place, cleanup: Cleanup): ArrayBuffer | undefined {
  const { width, height, error, out } = place;
  const pixels = new Uint8Array(width * height * 3);
  const grid = gridOf(handle, place, cleanup);
  if (grid === undefined) {
    libheif._heif_decode_image(error, handle, out, COLOURS, CHROMA, 0);
    return read(error) === 0 && copyOut(pixels, place, 0, 0) ? pixels.buffer : undefined;
  }
  const { columns, rows, across, down, left, top } = grid;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      libheif._heif_image_handle_decode_image_tile(error, handle, out, COLOURS, CHROMA, 0, column, row);
      if (read(error) !== 0 || !copyOut(pixels, place, left + column * across, top + row * down)) return undefined;
    }
  }
  return pixels.buffer;
}

interface Grid {
  readonly columns: number;
  readonly rows: number;
  /** The size of a tile, and where the first one begins: before the picture where that begins with a part of it. */
  readonly across: number;
  readonly down: number;
  readonly left: number;
  readonly top: number;
}

/** The tiles of a picture as it is shown; undefined where it is none of tiles, or a cut of them (`clap`). */
function gridOf(handle: number, { width, height, error }: Place, cleanup: Cleanup): Grid | undefined {
  const tiling = allocate(TILING, cleanup);
  const fields = (transformed: 0 | 1): number[] => {
    libheif._heif_image_handle_get_image_tiling(error, handle, transformed, tiling);
    return read(error) === 0 ? Array.from({ length: 9 }, (_value, i) => read(tiling + 4 * i)) : [];
  };
  const [, , , , , storedWidth = 0, storedHeight = 0] = fields(0);
  const [, columns = 0, rows = 0, across = 0, down = 0, , , top = 0, left = 0] = fields(1);
  const isWhole = storedWidth * storedHeight === width * height && (storedWidth === width || storedWidth === height);
  const [overAcross, overDown] = [columns * across - width, rows * down - height];
  if (columns * rows <= 1 || !isWhole || overAcross < 0 || overAcross >= across || overDown < 0 || overDown >= down) {
    return undefined;
  }
  // libheif's offsets say how much of the first tile is shown. What matters is whether it or the last one is cut.
  return { columns, rows, across, down, left: left === 0 ? 0 : -overAcross, top: top === 0 ? 0 : -overDown };
}

/** Copies a decoded image, whose address is in `out`, to where it lies in the picture, and releases it. False if it has no RGB. */
function copyOut(pixels: Uint8Array, { width, height, out }: Place, left: number, top: number): boolean {
  const image = read(out);
  try {
    const [wide, high] = [
      libheif._heif_image_get_width(image, CHANNEL),
      libheif._heif_image_get_height(image, CHANNEL),
    ];
    const plane = libheif._heif_image_get_plane_readonly2(image, CHANNEL, out);
    if (plane === 0) return false;
    const stride = read(out);
    const [first, end] = [Math.max(0, -left), Math.min(wide, width - left)];
    for (let row = Math.max(0, -top); row < Math.min(high, height - top); row += 1) {
      const from = plane + row * stride;
      pixels.set(libheif.HEAPU8.subarray(from + first * 3, from + end * 3), ((top + row) * width + left + first) * 3);
    }
    return end > first;
  } finally {
    libheif._heif_image_release(image);
  }
}

parentPort?.on('message', (request: DecodeRequest) => {
  new Promise<DecodeReply>((resolve) => {
    resolve(decode(request));
  })
    // An exception out of WebAssembly leaves its memory in an unknown state: this thread decodes nothing more.
    .catch((error: unknown): DecodeReply => {
      const reason = reasonOf(error);
      return { ok: false, code: 'image_undecodable', detail: `The HEIC decoder failed: ${reason}`, retire: true };
    })
    .then((reply) => {
      parentPort?.postMessage(reply, reply.ok ? [reply.pixels] : []);
    })
    // Unreachable but for a reply that cannot be posted; the owner then sees the thread die.
    .catch((error: unknown) => {
      throw error;
    });
});
parentPort?.postMessage('ready');
