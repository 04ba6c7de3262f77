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
import type { DecodeReply, DecodeRequest } from './decode-protocol.js';

/**
 * WebAssembly memory grows and never shrinks: past this a fresh thread is cheaper than what the old one holds beside all that
 * is decoded later. A phone's 12 megapixels stay below.
 */
const RETIRE_HEAP_BYTES = 128 * 1024 * 1024;

interface HeifImage {
  is_primary(): boolean;
  get_width(): number;
  get_height(): number;
  readonly handle: unknown;
  free(): void;
}

/** Pixels in WebAssembly memory, until they are released. A number in `code` says why there are none. */
interface DecodedImage {
  readonly code?: unknown;
  readonly image: unknown;
  readonly channels: readonly {
    readonly id: unknown;
    readonly width: number;
    readonly height: number;
    readonly stride: number;
    readonly data: Uint8Array;
  }[];
}

interface LibHeif {
  readonly HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[]; decoder: { delete?(): void } | null };
  readonly HEAPU8: Uint8Array;
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown };
  readonly heif_chroma: { readonly heif_chroma_interleaved_RGB: unknown };
  readonly heif_channel: { readonly heif_channel_interleaved: unknown };
  heif_js_decode_image2(handle: unknown, colours: unknown, chroma: unknown): Promise<DecodedImage | null>;
  heif_image_release(image: unknown): void;
}

// libheif's glue writes its complaints to the console; what matters is in the reply. (Reading the thread's output from the
// outside instead would keep the process alive for as long as the thread.)
const nowhere = new Writable({
  write: (_chunk, _encoding, done) => {
    done();
  },
});
globalThis.console = new Console(nowhere);

const libheif = createRequire(import.meta.url)('libheif-js/wasm-bundle') as LibHeif;

async function decode(request: DecodeRequest): Promise<DecodeReply> {
  const decoder = new libheif.HeifDecoder();
  const images = decoder.decode(new Uint8Array(request.bytes));
  try {
    const image = images.find((candidate) => candidate.is_primary()) ?? images[0];
    if (image === undefined) return refuse('image_undecodable', 'The HEIC holds no picture that can be decoded.');
    const width = image.get_width();
    const height = image.get_height();
    if (width * height > request.maxPixels) {
      return refuse('image_too_many_pixels', `The HEIC decodes to ${width} × ${height} pixels.`);
    }
    const pixels = await rgbOf(image, width, height);
    if (pixels === undefined)
      return refuse('image_undecodable', 'The HEIC picture data is damaged or of an unknown kind.');
    return { ok: true, width, height, pixels, retire: heapIsLarge() };
  } finally {
    for (const image of images) image.free();
    decoder.decoder?.delete?.();
  }
}

function heapIsLarge(): boolean {
  return libheif.HEAPU8.length > RETIRE_HEAP_BYTES;
}

function refuse(code: 'image_undecodable' | 'image_too_many_pixels', detail: string): DecodeReply {
  return { ok: false, code, detail, retire: heapIsLarge() };
}

/**
 * The picture as RGB, copied out of WebAssembly memory. What the package offers itself (`display`) makes RGBA in both places:
 * 2 bytes more for each pixel.
 */
async function rgbOf(image: HeifImage, width: number, height: number): Promise<ArrayBuffer | undefined> {
  const { heif_colorspace, heif_chroma, heif_channel } = libheif;
  const decoded = await libheif.heif_js_decode_image2(
    image.handle,
    heif_colorspace.heif_colorspace_RGB,
    heif_chroma.heif_chroma_interleaved_RGB,
  );
  if (decoded === null || decoded.code !== undefined) return undefined;
  try {
    const channel = decoded.channels.find(({ id }) => id === heif_channel.heif_channel_interleaved);
    if (channel?.width !== width || channel.height !== height) return undefined;
    const out = new Uint8Array(width * height * 3);
    for (let row = 0; row < height; row += 1) {
      out.set(channel.data.subarray(row * channel.stride, row * channel.stride + width * 3), row * width * 3);
    }
    return out.buffer;
  } finally {
    libheif.heif_image_release(decoded.image);
  }
}

parentPort?.on('message', (request: DecodeRequest) => {
  decode(request)
    // An exception out of WebAssembly leaves its memory in an unknown state: this thread decodes nothing more.
    .catch((error: unknown): DecodeReply => {
      const reason = error instanceof Error ? error.message : String(error);
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
