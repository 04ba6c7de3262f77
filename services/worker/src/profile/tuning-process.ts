/**
 * The body of the tuning process: prepares the model, times it, and ends. A process of its own, because what sessions
 * take is not given back to the system as long as their process lives (onnxruntime #25325): the worker stays small.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { endNow } from '@quintet/shared';
import { slotBytes } from '../batching/crop-slots.js';
import type { InputSpec } from '../inference/normalize.js';
import { InferenceStream, type StreamSettings } from '../inference/stream.js';
import type { ModelFile, Provider } from '../inference/thread-protocol.js';
import type { Layout, ProfileRow } from './layouts.js';
import { measure, watchOthers, type Conditions, type Measurable } from './measure.js';
import { prepareModel } from './prepare.js';
import { preparedGraph } from './tuning-cache.js';

/** The one message that the process gets. */
export interface TuningRequest {
  readonly file: ModelFile;
  readonly provider: Provider;
  readonly input: InputSpec;
  readonly classes: number;
  /** An empty folder to prepare the model in; undefined: it is not to be prepared. */
  readonly prepareIn?: string | undefined;
  /** What to time; undefined: nothing. */
  readonly measure?: { layouts: readonly Layout[]; batches: readonly number[]; limitMs: number } | undefined;
}

/** What it says, in this order. */
export type TuningReply =
  | { readonly type: 'prepared' }
  /** The model stays as it is, for this reason. */
  | { readonly type: 'unprepared'; readonly reason: string }
  /** `conditions`: of all measurements until now. */
  | { readonly type: 'row'; readonly row: ProfileRow; readonly conditions: Conditions }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly reason: string };

type GroupSettings = Omit<StreamSettings, 'slots' | 'warmUp'> & Layout;

/** The inference streams of one layout, for timing: the same threads that serve, on a slot per image of the batch. */
class StreamGroup implements Measurable {
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

const send = (reply: TuningReply): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.(reply, undefined, {}, (error: Error | null) => {
      if (error) reject(error);
      else resolve();
    });
  });

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function tune(request: TuningRequest): Promise<void> {
  let { file } = request;
  if (request.prepareIn !== undefined) {
    try {
      await prepareModel(file, request.prepareIn, request.input);
      file = { ...file, path: join(request.prepareIn, preparedGraph), prepared: true };
      await send({ type: 'prepared' });
    } catch (error) {
      await send({ type: 'unprepared', reason: text(error) });
    }
  }
  const { provider, input, classes } = request;
  if (request.measure !== undefined) {
    const othersCores = watchOthers();
    let scatter = 1;
    await measure({
      ...request.measure,
      start: (layout, maxBatch) => StreamGroup.start({ ...layout, file, provider, input, classes, maxBatch }),
      now: () => performance.now(),
      onRow: (row, ofRow) => {
        scatter = Math.max(scatter, ofRow);
        void send({
          type: 'row',
          row,
          conditions: { scatter, othersCores: othersCores(), machineCores: cpus().length },
        });
      },
    });
  }
}

process.once('message', (request: TuningRequest) => {
  tune(request)
    .then(
      () => send({ type: 'done' }),
      (error: unknown) => send({ type: 'failed', reason: text(error) }),
    )
    // Of one that failed, other streams may still run.
    .finally(() => endNow());
});
// The worker ended: nobody waits for the answer.
process.once('disconnect', () => endNow());
