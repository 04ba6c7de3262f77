/**
 * The body of a preprocessing thread: decoding runs in libuv's pool, the exact resampling here, so that neither holds the
 * main thread. Several pictures may be under way; each is answered on its own. Before it says `ready` it preprocesses a
 * picture of its own a few times: libvips' first decode and uncompiled code take a tenth of a second, which the first
 * client should not pay.
 * Invariant: a crop is written into its slot at once, and only between the request and its reply: a picture that was given
 * up touches no slot, which by then may be another's.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ImageError } from '@quintet/images';
import sharp from 'sharp';
import { slotBytes } from '../batching/crop-slots.js';
import { WaitedTooLongError } from './decode-budget.js';
import type { PreprocessReply, PreprocessRequest, PreprocessSettings, ThreadReady } from './preprocess-protocol.js';
import { createPreprocessor } from './preprocessor.js';
import { configureSharp } from './sharp-settings.js';

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
  if (error instanceof WaitedTooLongError) return { id, waitedTooLong: true };
  return { id, detail: error instanceof Error ? error.message : String(error) };
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
