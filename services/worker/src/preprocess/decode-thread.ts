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

/** WebAssembly memory grows and never shrinks: past this a fresh thread is cheaper than what the old one holds. */
const RETIRE_HEAP_BYTES = 256 * 1024 * 1024;

interface HeifImage {
  is_primary(): boolean;
  get_width(): number;
  get_height(): number;
  display(target: RgbaTarget, done: (result: RgbaTarget | null) => void): void;
  free(): void;
}

interface RgbaTarget {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

interface LibHeif {
  readonly HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[]; decoder: { delete?(): void } | null };
  readonly HEAPU8: Uint8Array;
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
    const target: RgbaTarget = { data: new Uint8ClampedArray(width * height * 4), width, height };
    const shown = await new Promise<RgbaTarget | null>((resolve) => {
      image.display(target, resolve);
    });
    if (shown === null) return refuse('image_undecodable', 'The HEIC picture data is damaged or of an unknown kind.');
    dropAlpha(shown.data);
    return { ok: true, width, height, pixels: shown.data.buffer, retire: heapIsLarge() };
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

/** RGBA to RGB in place: the tail of the buffer is left over. */
function dropAlpha(data: Uint8ClampedArray): void {
  for (let from = 4, to = 3; from < data.length; from += 4, to += 3) {
    data[to] = data[from] ?? 0;
    data[to + 1] = data[from + 1] ?? 0;
    data[to + 2] = data[from + 2] ?? 0;
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
