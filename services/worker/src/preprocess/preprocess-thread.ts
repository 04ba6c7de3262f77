/**
 * The body of a preprocessing thread: decoding runs in libuv's pool, the exact resampling here, so that neither holds the
 * main thread. Several pictures may be under way; each is answered on its own. Before it says `ready` it preprocesses a
 * picture of its own a few times: libvips' first decode and uncompiled code take a tenth of a second, which the first
 * client should not pay.
 * Invariant: a crop is written into its slot at once, and only between the request and its reply: a picture that was given
 * up touches no slot, which by then may be another's.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ImageError, type ImageErrorCode } from '@quintet/images';
import sharp from 'sharp';
import { slotBytes } from '../batching/crop-slots.js';
import { OrderStopped, reasonOf } from '../errors.js';
import { configureSharp } from './crop-with-sharp.js';
import type { PictureSize } from './geometry.js';
import { createPreprocessor, type PreprocessorOptions } from './preprocessor.js';

/** What a preprocessing thread is given when it starts. */
export interface PreprocessSettings {
  readonly options: PreprocessorOptions;
  /** uint8 [slots, crop, crop, 3]: where crops go. */
  readonly slots: SharedArrayBuffer;
}

export interface PreprocessRequest {
  readonly id: number;
  /** The whole file; transferred. */
  readonly bytes: ArrayBuffer;
  readonly slot: number;
}

/** Sent once, when the thread is warm. */
export interface ThreadReady {
  readonly ready: true;
}

export type PreprocessReply =
  /** The crop of a picture of this size is in its slot. */
  | { readonly id: number; readonly done: PictureSize }
  /** With a code: the picture is at fault. Without: something else is, and another attempt may work. */
  | { readonly id: number; readonly detail: string; readonly code?: ImageErrorCode }
  /** There was no memory for it in time: OrderStopped. */
  | { readonly id: number; readonly waitedTooLong: true };

const port = parentPort;
if (port === null) throw new Error('preprocess-thread.js is the body of a worker thread');
configureSharp();
const { options, slots } = workerData as PreprocessSettings;
const preprocessor = createPreprocessor(options);
const pixels = new Uint8Array(slots);
const bytesOfSlot = slotBytes(options.spec.crop);

port.on('message', ({ id, bytes, slot }: PreprocessRequest) => {
  preprocessor.preprocess(Buffer.from(bytes)).then(
    (crop) => {
      pixels.set(crop.data, slot * bytesOfSlot);
      const { width, height } = crop;
      port.postMessage({ id, done: { width, height } } satisfies PreprocessReply);
    },
    (error: unknown) => {
      port.postMessage(replyOf(id, error));
    },
  );
});

function replyOf(id: number, error: unknown): PreprocessReply {
  if (error instanceof ImageError) return { id, code: error.code, detail: error.detail };
  if (error instanceof OrderStopped) return { id, waitedTooLong: true };
  return { id, detail: reasonOf(error) };
}

const warmUpRuns = 5;

async function warmUp(): Promise<void> {
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  const side = Math.min(400, Math.floor(Math.sqrt(options.maxPixels)));
  const picture = { create: { width: side, height: side, channels: 3, background: '#808080', noise } } as const;
  const jpeg = await sharp(picture).jpeg().toBuffer();
  for (let run = 0; run < warmUpRuns; run += 1) await preprocessor.preprocess(jpeg);
}

// A failure ends the thread with its reason: it would fail every picture.
await warmUp();
port.postMessage({ ready: true } satisfies ThreadReady);
