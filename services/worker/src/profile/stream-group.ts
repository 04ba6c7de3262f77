/** The inference streams of one layout, for timing: the same threads that serve, on a slot per image of the batch. */
import { slotBytes } from '../crops/crop-slots.js';
import { InferenceStream, type StreamSettings } from '../inference/stream.js';
import type { Layout } from './profile.js';
import type { Measurable } from './measure.js';

type GroupSettings = Omit<StreamSettings, 'slots' | 'warmUp'> & Layout;

export class StreamGroup implements Measurable {
  private constructor(
    private readonly streams: readonly InferenceStream[],
    readonly maxBatch: number,
  ) {}

  static async start({ streams: count, ...settings }: GroupSettings): Promise<StreamGroup> {
    // Pixels of all values: an int8 network of constant input takes short cuts nowhere, but caches would.
    const slots = new SharedArrayBuffer(settings.maxBatch * slotBytes(settings.input.crop));
    const pixels = new Uint8Array(slots);
    for (let index = 0; index < pixels.length; index += 1) pixels[index] = (index * 31) & 255;
    const { streams, maxBatch } = await InferenceStream.startAll({ ...settings, slots, warmUp: [1] }, count);
    return new StreamGroup(streams, maxBatch);
  }

  async run(stream: number, size: number): Promise<number> {
    const chosen = this.streams[stream];
    if (chosen === undefined) throw new RangeError(`there is no stream ${stream}`);
    const result = await chosen.run(Array.from({ length: size }, (_, slot) => slot));
    return result.milliseconds;
  }

  async stop(): Promise<void> {
    await Promise.all(this.streams.map((stream) => stream.stop()));
  }
}
