/**
 * The crops of a window of pictures, as each of the two models wants them.
 *
 * A window is decoded before it is run, so that decoding takes no time from what is being measured, and however many
 * pictures a folder has, the crops of one window are all that is in memory. Two models of the same crop share it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '@quintet/images';
import type { Model } from '@quintet/models';
import { slotBytes } from '../batching/crop-slots.js';
import { createPreprocessPool, type PreprocessPool } from '../preprocess/index.js';

export interface Skipped {
  readonly file: string;
  readonly reason: string;
}

interface Kind {
  readonly pool: PreprocessPool;
  readonly crop: number;
  readonly slots: SharedArrayBuffer;
}

export interface WindowOptions {
  readonly models: readonly [Model, Model];
  readonly folder: string;
  /** Pictures in a window. */
  readonly size: number;
  readonly cores: number;
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

export class CropWindow {
  readonly #kinds: readonly [Kind, Kind];

  private constructor(private readonly options: WindowOptions) {
    const { models, size, cores, maxPixels, timeoutMs } = options;
    const kindOf = ({ manifest }: Model): Kind => {
      const { preprocess: spec } = manifest;
      const { crop } = spec;
      const slots = new SharedArrayBuffer(size * slotBytes(crop));
      const pool = createPreprocessPool({ spec, maxPixels, timeoutMs }, slots, Math.ceil(cores / 2));
      return { pool, crop, slots };
    };
    const [a, b] = [models[0].manifest.preprocess, models[1].manifest.preprocess];
    const same = a.crop === b.crop && a.resize === b.resize && a.interpolation === b.interpolation;
    const first = kindOf(models[0]);
    this.#kinds = [first, same ? first : kindOf(models[1])];
  }

  static async start(options: WindowOptions): Promise<CropWindow> {
    const window = new CropWindow(options);
    try {
      await Promise.all([...new Set(window.#kinds)].map(({ pool }) => pool.start()));
    } catch (error) {
      await window.close();
      throw error;
    }
    return window;
  }

  /** The crops of A and of B, uint8 [size, crop, crop, 3]. */
  get slots(): readonly [SharedArrayBuffer, SharedArrayBuffer] {
    return [this.#kinds[0].slots, this.#kinds[1].slots];
  }

  /**
   * Fills slots 0, 1, … with the pictures of `files`, at most `size`, without those that cannot be read: `files` of the
   * answer has the file of each slot. Rejects for what is no picture's fault.
   */
  async fill(files: readonly string[]): Promise<{ files: string[]; skipped: Skipped[] }> {
    const kinds = [...new Set(this.#kinds)];
    const reasons = new Map<string, string>();
    const queue = files.entries();
    const work = async (): Promise<void> => {
      for (const [slot, file] of queue) {
        try {
          const bytes = await readFile(join(this.options.folder, file));
          await Promise.all(kinds.map(({ pool }) => pool.preprocess(Buffer.from(bytes), slot)));
        } catch (error) {
          reasons.set(file, reasonOf(error));
        }
      }
    };
    await Promise.all(Array.from({ length: 2 * this.options.cores }, work));
    // Closes the gaps of those that could not be read.
    const good: string[] = [];
    for (const [slot, file] of files.entries()) {
      if (reasons.has(file)) continue;
      for (const { slots, crop } of kinds) {
        const bytes = slotBytes(crop);
        new Uint8Array(slots).copyWithin(good.length * bytes, slot * bytes, (slot + 1) * bytes);
      }
      good.push(file);
    }
    const skipped = files.flatMap((file) => {
      const reason = reasons.get(file);
      return reason === undefined ? [] : [{ file, reason }];
    });
    return { files: good, skipped };
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#kinds)].map(({ pool }) => pool.close()));
  }
}

/** What is wrong with a file. Throws what is not the file's fault. */
function reasonOf(error: unknown): string {
  if (error instanceof ImageError) return `${error.code}: ${error.detail}`;
  if (error instanceof Error && 'syscall' in error) return error.message;
  throw error;
}
