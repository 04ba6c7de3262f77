/**
 * One model on the streams that a worker would run it on: its file prepared for this machine, its session options, a
 * thread for each stream. All streams are always busy together, as under load.
 */
import type { Model } from '@quintet/models';
import { createLogger, type ConfigOf, type workerVariables } from '@quintet/shared';
import { softmax } from '../inference/classifier.js';
import { modelFile } from '../inference/model-file.js';
import { InferenceStream } from '../inference/stream.js';
import type { Provider } from '../inference/thread-protocol.js';
import type { Layout } from '../profile/layouts.js';
import { tune, tuningFolders } from '../profile/tune.js';

export interface StreamsOptions {
  readonly model: Model;
  readonly provider: Provider;
  readonly layout: Layout;
  readonly cores: number;
  readonly settings: Pick<ConfigOf<typeof workerVariables>, 'DATA_DIR' | 'INT8_ARITHMETIC'>;
  /** uint8 [slots, crop, crop, 3]: the model's crops. */
  readonly slots: SharedArrayBuffer;
}

export interface Answer {
  /** Probabilities by class. */
  readonly scores: Float64Array;
  /** Time of the run, normalisation included. */
  readonly milliseconds: number;
}

export class ModelStreams {
  private constructor(
    private readonly model: Model,
    private readonly streams: readonly InferenceStream[],
  ) {}

  /** Rejects with the reason if the model cannot run. */
  static async start(options: StreamsOptions): Promise<ModelStreams> {
    const { model, provider, layout, cores, settings, slots } = options;
    const { manifest, labels } = model;
    const shape = { input: manifest.preprocess, classes: labels.length };
    const { file } = await modelFile(model, settings.INT8_ARITHMETIC);
    const tuning = await tune({
      file,
      version: manifest.version,
      folders: tuningFolders(model, settings.DATA_DIR),
      provider,
      cores,
      ...shape,
      fixed: layout,
      // Prepares the file; the layout is the same for both models, whatever is best for each.
      profile: 'off',
      // A worker's log lines are no answer to somebody at a terminal, and what fails here is not needed.
      logger: createLogger('compare', 'silent'),
    });
    const { intraOpThreads } = layout;
    const stream = { ...shape, file: tuning.file, provider, intraOpThreads, maxBatch: 1, warmUp: [1], slots };
    const { streams } = await InferenceStream.startAll(stream, layout.streams);
    return new ModelStreams(model, streams);
  }

  /** Runs one picture on each stream, all at once; `slots` has one for every stream. Rejects if the model fails. */
  async run(slots: readonly number[]): Promise<Answer[]> {
    const runs = await Promise.all(
      this.streams.map((stream, index) => {
        const slot = slots[index];
        if (slot === undefined) throw new RangeError(`there is no picture for stream ${index}`);
        return stream.run([slot]);
      }),
    );
    return runs.map(({ rows: [row = new Float32Array()], milliseconds }) => ({
      scores: this.model.manifest.outputs === 'logits' ? softmax(row) : Float64Array.from(row),
      milliseconds,
    }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.streams.map((stream) => stream.stop()));
  }
}
