/** The ranges of a model's tensors over pictures, each decoded, cropped and normalised as a worker does it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { furtherOutputs, type Model, type Preprocess, type Range } from '@quintet/models';
import { CropWindow, type Skipped } from '../compare/crop-window.js';
import type { FromRangeThread, RangeSettings, ToRangeThread } from './range-thread.js';
import type { CalibrationMethod } from './value-histogram.js';

/** Pictures whose crops are in memory at once: 150 KB each. */
const windowSize = 64;

export interface MeasureOptions {
  readonly model: Model;
  /** By name; the graph's input is no measured one: see inputRange. */
  readonly tensors: readonly string[];
  readonly method: CalibrationMethod;
  readonly folder: string;
  readonly files: readonly string[];
  readonly cores: number;
  readonly maxPixels: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onSkip: (skipped: Skipped) => void;
  readonly onProgress: (pictures: number) => void;
}

/** All that the model's normalisation makes of bytes: black and white of the channels that reach furthest. */
export function inputRange({ mean, std }: Preprocess): Range {
  const ends = (value: number): number[] =>
    mean.map((each, channel) => Math.fround((value - Math.fround(each)) / Math.fround(std[channel] ?? 1)));
  return { low: Math.min(...ends(0)), high: Math.max(...ends(1)) };
}

/** Without any picture that could be read, `pictures` is 0. Rejects if the model fails, or with the signal's reason. */
export async function measureRanges(
  options: MeasureOptions,
): Promise<{ readonly pictures: number; readonly ranges: ReadonlyMap<string, Range> }> {
  const { model, tensors, method, folder, files, cores, maxPixels, timeoutMs, signal } = options;
  const window = await CropWindow.start({
    ...{ models: [model, model], folder, size: windowSize, cores, maxPixels, timeoutMs },
  });
  try {
    const thread = await RangeThread.start({
      path: model.modelPath,
      input: model.manifest.preprocess,
      tensors,
      extension: furtherOutputs(tensors),
      method,
      threads: cores,
      slots: window.slots[0],
    });
    try {
      let pictures = 0;
      for (let start = 0; start < files.length; start += windowSize) {
        const filled = await window.fill(files.slice(start, start + windowSize));
        filled.skipped.forEach(options.onSkip);
        for (const slot of filled.files.keys()) {
          signal.throwIfAborted();
          await thread.ask(slot);
          pictures += 1;
          options.onProgress(pictures);
        }
      }
      const answer = await thread.ask('finish');
      return { pictures, ranges: new Map(answer.type === 'ranges' ? answer.ranges : []) };
    } finally {
      await thread.stop();
    }
  } finally {
    await window.close();
  }
}

/** One question at a time. */
class RangeThread {
  readonly #thread: Worker;

  private constructor(settings: RangeSettings) {
    const options = { workerData: settings, name: 'ranges' };
    this.#thread = new Worker(new URL('./range-thread.js', import.meta.url), options);
  }

  static async start(settings: RangeSettings): Promise<RangeThread> {
    const thread = new RangeThread(settings);
    await thread.#answer();
    return thread;
  }

  ask(question: ToRangeThread): Promise<FromRangeThread> {
    const answer = this.#answer();
    this.#thread.postMessage(question);
    return answer;
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }

  async #answer(): Promise<FromRangeThread> {
    const listening = new AbortController();
    const ended = once(this.#thread, 'exit', listening).then(([code]) => {
      throw new Error(`the thread that measures ended with ${String(code)}`);
    });
    try {
      const [message] = (await Promise.race([once(this.#thread, 'message', listening), ended])) as [FromRangeThread];
      if (message.type === 'failed') throw new Error(message.reason);
      return message;
    } finally {
      listening.abort();
    }
  }
}
