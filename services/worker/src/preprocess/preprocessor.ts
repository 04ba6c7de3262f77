/**
 * From an encoded picture to the square the model sees.
 *
 * libvips decodes JPEG, PNG, WebP and AVIF; BMP, GIF and TIFF are decoded here, HEIC by WebAssembly in a thread; from there on
 * one path leads to the crop. Nothing here computes on the main thread for more than a few milliseconds. Whatever is wrong
 * with a picture becomes an ImageError and concerns that picture only.
 */
import { heifPicture, type ImageInfo, inspectImage } from '@quintet/images';
import { decodeBmp } from './bmp-decoder.js';
import { DecodeBudget } from './decode-budget.js';
import { type Crop, cropAvif, cropEncoded, cropRaster } from './crop-with-sharp.js';
import { decodeTimeout, toImageError } from './decode-error.js';
import { decodeGif } from './gif-decoder.js';
import { checkSpec, type CropSpec } from './geometry.js';
import { cutPng, mendPng } from './mend-png.js';
import { ThreadDecoder } from './thread-decoder.js';
import { cropTiff } from './tiff/crop-tiff.js';

export interface PreprocessorOptions {
  /** From the `preprocess` section of the model's manifest. */
  readonly spec: CropSpec;
  /** MAX_IMAGE_PIXELS. */
  readonly maxPixels: number;
  /** MAX_DECODE_BYTES: for one picture, and never more for all that one thread decodes at once; 400 MB where it is absent. */
  readonly maxDecodeBytes?: number;
  /**
   * How long decoding and resizing one picture may take, the wait for a thread of libuv's pool included: well above what
   * the pictures in hand at once take together.
   */
  readonly timeoutMs: number;
}

export interface Preprocessor {
  /**
   * The crop of one picture, HWC RGB.
   *
   * @param bytes the whole file
   * @param info what `inspectImage` said of it, if that is known
   * @throws ImageError if the picture cannot be used; OrderStopped if there was no memory to decode it in; any other
   * error is none of the picture's doing
   */
  preprocess(bytes: Buffer, info?: ImageInfo): Promise<Crop>;
  close(): Promise<void>;
}

/** What one thread may use for decoding where nothing else is said. */
const standardDecodeBytes = 400_000_000;

/**
 * Of what one picture may take: for all that run together, unless one alone takes more. Two photos of 12 megapixels that EXIF turns
 * fit, which keeps two cores busy (bench/decode.mjs).
 */
const sharedPart = 0.42;

/**
 * Longest wait for memory, in decode time limits. Three pictures that each keep their memory for as long as they may pass in
 * it; what still waits then is better off on another worker.
 */
const waitLimits = 6;

export function createPreprocessor(options: PreprocessorOptions): Preprocessor {
  const { spec, maxPixels, timeoutMs } = options;
  checkSpec(spec);
  const maxDecodeBytes = options.maxDecodeBytes ?? standardDecodeBytes;
  const limits = { maxPixels, timeoutMs };
  const heic = new ThreadDecoder(limits);
  // Costly pictures run alone; those of usual size never wait. Several of 12 megapixels at once would gain no time: the cores
  // are busy with fewer.
  const longestWaitMs = waitLimits * timeoutMs;
  const budget = new DecodeBudget(maxDecodeBytes * sharedPart, longestWaitMs);
  // A HEIC picture that waits for the one thread must not keep memory from others.
  const heicTurn = new DecodeBudget(1, longestWaitMs);

  async function decode(bytes: Buffer, info: ImageInfo): Promise<Crop> {
    const { format } = info;
    if (format === 'bmp') return cropRaster(decodeBmp(bytes), spec);
    if (format === 'gif') return cropRaster(decodeGif(bytes), spec);
    if (format === 'tiff') return cropTiff(bytes, spec, limits);
    if (format === 'avif') return cropAvif(bytes, spec, limits);
    if (format !== 'png') return cropEncoded(bytes, spec, limits, info);
    const png = mendPng(bytes);
    const cropped = cropEncoded(png.bytes, spec, limits, info);
    return png.ended ? cropped : cropped.catch((error: unknown) => Promise.reject(cutPng(error)));
  }

  /** Has its memory until it has really ended, or is as late again as it may be. */
  function timed(bytes: Buffer, info: ImageInfo): Promise<Crop> {
    return new Promise((resolve, reject) => {
      const held = budget.run(info.decodeBytes, async () => {
        const work = decode(bytes, info);
        const result = within(work, timeoutMs);
        result.then(resolve, reject);
        await Promise.allSettled([result]);
        await Promise.allSettled([within(work, timeoutMs)]);
      });
      held.catch(reject);
    });
  }

  return {
    async preprocess(bytes, known) {
      try {
        const info = known ?? inspectImage(bytes, { maxPixels, maxDecodeBytes });
        if (info.format !== 'heic') return await timed(bytes, info);
        // It keeps its own clock, which does not run while others are being decoded.
        const decodeHeic = () => budget.run(info.decodeBytes, () => heic.decode(heifPicture(bytes).bytes));
        return cropRaster(await heicTurn.run(1, decodeHeic), spec);
      } catch (error) {
        throw toImageError(error);
      }
    },
    close: () => heic.close(),
  };
}

/**
 * The job's time limit, whatever libvips does: its own timeout is looked at between regions of the output only, and one slow
 * step (a progressive JPEG of many scans) has none. The thread of libuv's pool stays busy until the step ends.
 */
async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(decodeTimeout());
    }, limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
