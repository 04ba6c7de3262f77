/**
 * The body of an inference thread: one ONNX session, one run at a time.
 *
 * `session.run` of onnxruntime-node is synchronous, so it may only live here. The thread opens the model, warms every
 * batch size it will meet (mixed sizes grow the arena until the largest was seen), reports `ready`, then answers each
 * `run` message. A message carries the numbers of slots; their pixels are read where the preprocessing left them, the
 * input and output tensors are allocated once, and the logits go back through a shared buffer.
 * The last feature maps are an output of the graph too, and fetched only for a batch in which somebody asked for a map: ONNX Runtime
 * has them anyway, and hands out nothing that was not named (bench/explain.mjs). Maps are made here: a few dozen numbers
 * leave the thread, for each picture that asked.
 * Invariant: the slots of a message and the logits belong to the thread from `run` to `done` or `failed`, and to the
 * other side otherwise.
 */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { classMap, mapSize, topClass, type ClassMap, type FeatureValues } from '../explain/class-map.js';
import { createNormalizer } from './normalize.js';
import { openModel, sessionOptions } from './session.js';
import { rowsFor, type FromThread, type SessionSettings, type ToThread } from './thread-protocol.js';

const port = parentPort;
if (port === null) throw new Error('session-thread.js is the body of a worker thread');
const settings = workerData as SessionSettings;
const send = (message: FromThread, transferred: readonly ArrayBuffer[] = []): void => {
  port.postMessage(message, transferred);
};

/**
 * On Linux a niceness of 0 names the calling thread, not the process: inference, which uses all the time that there is,
 * yields to the main thread, which needs little but soon (locks, heartbeats, metrics).
 */
function yieldToMainThread(): void {
  try {
    setPriority(0, 5);
  } catch {
    // A sandbox may forbid it; the thread then competes as an equal.
  }
}

interface ModelShape {
  readonly input: string;
  readonly output: string;
  /** undefined: any batch size. */
  readonly fixedBatch: number | undefined;
}

/** Names and shapes come from the session, never from code; a model of another shape is refused with the reason. */
function readShape(session: InferenceSession): ModelShape {
  const [input] = session.inputMetadata;
  const [output] = session.outputMetadata;
  if (session.inputMetadata.length !== 1 || !input?.isTensor || !output?.isTensor) {
    throw new Error(`the model must have one tensor input; it has ${session.inputNames.join(', ') || 'none'}`);
  }
  const { crop, layout } = settings.input;
  const expected = layout === 'NCHW' ? [3, crop, crop] : [crop, crop, 3];
  const [batch, ...rest] = input.shape;
  const fits = rest.length === 3 && rest.every((size, axis) => typeof size === 'string' || size === expected[axis]);
  if (input.type !== 'float32' || !fits) {
    const found = `${input.type} [${input.shape.join(', ')}]`;
    throw new Error(`the model's input must be float32 [N, ${expected.join(', ')}]; it is ${found}`);
  }
  if (output.type !== 'float32') throw new Error(`the model's output is ${output.type}, not float32`);
  return { input: input.name, output: output.name, fixedBatch: typeof batch === 'number' ? batch : undefined };
}

/** Types of feature maps of which a map can be made: FeatureValues. */
const readable: ReadonlySet<string> = new Set(['float32', 'uint8', 'int8']);

interface Answer {
  /** Valid until the next run. */
  readonly logits: Float32Array;
  readonly maps: readonly ClassMap[];
}

/** The model's tensors, allocated once for the largest batch and used by every run. */
class Inference {
  readonly #tensorData: Float32Array;
  readonly #outputData: Float32Array;
  /** Output tensors by rows; empty until the first run has shown that the model's output has the labels' shape. */
  readonly #outputs = new Map<number, Tensor>();

  constructor(
    private readonly session: InferenceSession,
    private readonly shape: ModelShape,
    readonly maxBatch: number,
  ) {
    const rows = shape.fixedBatch ?? maxBatch;
    this.#tensorData = new Float32Array(settings.input.crop ** 2 * 3 * rows);
    this.#outputData = new Float32Array(settings.classes * rows);
  }

  /** What a run reads: float32 [rows, …]. Rows beyond the batch keep what they held. */
  get input(): Float32Array {
    return this.#tensorData;
  }

  /** Runs the first `count` images of `input`, and makes the maps of those in `explained`. */
  async run(count: number, explained: readonly number[] = []): Promise<Answer> {
    const { crop, layout } = settings.input;
    const rows = this.shape.fixedBatch ?? rowsFor(count, this.maxBatch, settings.provider);
    const dims = layout === 'NCHW' ? [rows, 3, crop, crop] : [rows, crop, crop, 3];
    const feed = new Tensor('float32', this.#tensorData.subarray(0, rows * crop * crop * 3), dims);
    const prepared = this.#outputs.get(rows);
    const { head } = settings;
    const features = explained.length === 0 || head === undefined ? {} : { [head.features]: null };
    const fetches = { [this.shape.output]: prepared ?? null, ...features };
    const outputs = await this.session.run({ [this.shape.input]: feed }, fetches);
    const output = outputs[this.shape.output];
    if (output?.type !== 'float32') throw new Error(`the model's output is ${output?.type ?? 'missing'}, not float32`);
    const logits = output.data as Float32Array;
    if (prepared === undefined) this.#expectOutput(output, rows);
    const maps = explained.map((row) => {
      const own = logits.subarray(row * settings.classes, (row + 1) * settings.classes);
      return this.#map(outputs, row, topClass(own));
    });
    return { logits: logits.subarray(0, count * settings.classes), maps };
  }

  #map(outputs: InferenceSession.ReturnType, row: number, index: number): ClassMap {
    const { head } = settings;
    const features = head && outputs[head.features];
    const size = head && features && mapSize(head, features.dims);
    if (head === undefined || features === undefined || size === undefined || !readable.has(features.type)) {
      const found = features === undefined ? 'missing' : `${features.type} [${features.dims.join(', ')}]`;
      throw new Error(`the model's last feature maps are ${found}`);
    }
    return classMap(head, { values: features.data as FeatureValues, ...size }, row, index);
  }

  #expectOutput(output: Tensor, rows: number): void {
    const expected = rows * settings.classes;
    if (output.size !== expected) {
      const found = `[${output.dims.join(', ')}]`;
      throw new Error(`the model's output is ${found}; with its labels it must be [${rows}, ${settings.classes}]`);
    }
    // Shapes such as [rows, classes, 1, 1] are the model's business: the next run writes into the same.
    this.#outputs.set(rows, new Tensor('float32', this.#outputData.subarray(0, expected), output.dims));
  }
}

/** Runs each size, the largest first and twice, so that the arena grows once; returns how long each took. */
async function warmUp(inference: Inference): Promise<Record<number, number>> {
  const milliseconds: Record<number, number> = {};
  const sizes = settings.warmUp.filter((size) => size <= inference.maxBatch).sort((a, b) => b - a);
  const [largest] = sizes;
  if (largest !== undefined) await inference.run(largest);
  for (const size of sizes) {
    const started = performance.now();
    await inference.run(size);
    milliseconds[size] = performance.now() - started;
  }
  return milliseconds;
}

/** As it was asked for, or, where ONNX Runtime does not take the further output, without it and with the reason. */
async function open(): Promise<{ readonly session: InferenceSession; readonly unexplained?: string }> {
  const options = sessionOptions(settings);
  const { extension, ...plain } = settings.file;
  try {
    const session = await openModel(settings.file, options);
    const lacks = settings.head !== undefined && !session.outputNames.includes(settings.head.features);
    return lacks ? { session, unexplained: 'the session does not have its feature maps' } : { session };
  } catch (error) {
    if (extension === undefined) throw error;
    return { session: await openModel(plain, options), unexplained: reasonOf(error) };
  }
}

/** Why no map can be made of what the model says of the picture in its input; undefined: one can. */
async function tryMap(inference: Inference): Promise<string | undefined> {
  try {
    await inference.run(1, [0]);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function main(inbox: NonNullable<typeof parentPort>): Promise<void> {
  yieldToMainThread();
  const { session, unexplained: withheld } = await open();
  const shape = readShape(session);
  const maxBatch = shape.fixedBatch === undefined ? settings.maxBatch : Math.min(shape.fixedBatch, settings.maxBatch);
  const inference = new Inference(session, shape, maxBatch);
  const warmUpMs = await warmUp(inference);
  const unexplained = settings.head === undefined ? undefined : (withheld ?? (await tryMap(inference)));

  const normalize = createNormalizer(settings.input);
  const pixels = new Uint8Array(settings.slots);
  const tensors = new Float32Array(settings.tensors ?? new SharedArrayBuffer(0));
  const size = settings.input.crop ** 2 * 3;
  const crops = pixels.length / size;
  const logits = new Float32Array(settings.logits);
  inbox.on('message', ({ slots, explained }: ToThread) => {
    const started = performance.now();
    for (const [row, place] of slots.entries()) {
      if (place < crops) normalize(pixels, place, inference.input, row);
      else inference.input.set(tensors.subarray((place - crops) * size, (place - crops + 1) * size), row * size);
    }
    inference.run(slots.length, explained).then(
      (answer) => {
        logits.set(answer.logits);
        const { maps } = answer;
        const memory = maps.map(({ values }) => values.buffer);
        send({ type: 'done', milliseconds: performance.now() - started, maps }, memory);
      },
      (error: unknown) => {
        send({ type: 'failed', reason: reasonOf(error) });
      },
    );
  });
  const names = { input: shape.input, output: shape.output };
  send({ type: 'ready', maxBatch, warmUpMs, names, ...(unexplained === undefined ? {} : { unexplained }) });
}

main(port).catch((error: unknown) => {
  send({ type: 'unusable', reason: reasonOf(error) });
  port.close();
});
