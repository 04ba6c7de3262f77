/**
 * From an encoded picture to the square the model sees.
 *
 * libvips decodes nearly everything, BMP goes through a native decoder, HEIC through WebAssembly in a thread; from there on
 * one path leads to the crop. Nothing here computes on the main thread for more than a few milliseconds. Whatever is wrong
 * with a picture becomes an ImageError and concerns that picture only.
 */
import { type ImageInfo, inspectImage } from '@quintet/images';
import { decodeBmp } from './bmp-decoder.js';
import { type Crop, cropEncoded, cropRaster } from './crop-with-sharp.js';
import { decodeTimeout, toImageError } from './decode-error.js';
import { checkSpec, type CropSpec } from './geometry.js';
import { PixelBudget } from './pixel-budget.js';
import { ThreadDecoder } from './thread-decoder.js';

export interface PreprocessorOptions {
  /** From the `preprocess` section of the model's manifest. */
  readonly spec: CropSpec;
  /** MAX_IMAGE_PIXELS. */
  readonly maxPixels: number;
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
   * @throws ImageError if the picture cannot be used; any other error is none of the picture's doing
   */
  preprocess(bytes: Buffer, info?: ImageInfo): Promise<Crop>;
  close(): Promise<void>;
}

export function createPreprocessor(options: PreprocessorOptions): Preprocessor {
  const { spec, maxPixels, timeoutMs } = options;
  checkSpec(spec);
  const limits = { maxPixels, timeoutMs };
  const heic = new ThreadDecoder(limits);
  // The largest picture that is allowed fits alone; pictures of usual size never wait.
  const budget = new PixelBudget(maxPixels);

  async function cropOf(bytes: Buffer, info: ImageInfo): Promise<Crop> {
    if (info.format === 'bmp') return cropRaster(await decodeBmp(bytes), spec, limits);
    if (info.format === 'heic') return cropRaster(await heic.decode(bytes), spec, limits);
    return cropEncoded(bytes, spec, limits);
  }

  return {
    async preprocess(bytes, known) {
      try {
        const info = known ?? inspectImage(bytes, { maxPixels });
        // HEIC keeps its own clock, which does not run while others are being decoded.
        if (info.format === 'heic') return await cropOf(bytes, info);
        return await budget.run(info.width * info.height, () => within(cropOf(bytes, info), timeoutMs));
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
