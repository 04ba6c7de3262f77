/**
 * The body of an inference thread: one ONNX session, one run at a time.
 *
 * `session.run` of onnxruntime-node is synchronous, so it may only live here. The thread loads the model, warms every
 * batch size it will meet (mixed sizes grow the arena until the largest was seen), reports `ready`, then answers each
 * `run` message. Pixels come in through a shared buffer that the other side fills before it sends the message, and
 * logits go back through another: nothing is copied between threads and nothing is allocated per run.
 * Invariant: the buffers belong to the thread from `run` to `done` or `failed`, and to the other side otherwise.
 */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createNormalizer } from './normalize.js';
import { warmUpSizes, type FromThread, type SessionSettings, type ToThread } from './thread-protocol.js';

const port = parentPort;
if (port === null) throw new Error('session-thread.js is the body of a worker thread');
const settings = workerData as SessionSettings;
const send = (message: FromThread): void => {
  port.postMessage(message);
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

function sessionOptions(): InferenceSession.SessionOptions {
  return {
    executionProviders: [settings.provider],
    intraOpNumThreads: settings.intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A spinning idle session takes the core from everything else.
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  };
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
  if (session.inputMetadata.length !== 1 || !input?.isTensor || output === undefined) {
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
  return { input: input.name, output: output.name, fixedBatch: typeof batch === 'number' ? batch : undefined };
}

async function main(inbox: NonNullable<typeof parentPort>): Promise<void> {
  yieldToMainThread();
  const session = await InferenceSession.create(settings.modelPath, sessionOptions());
  const shape = readShape(session);
  const maxBatch = shape.fixedBatch === undefined ? settings.maxBatch : Math.min(shape.fixedBatch, settings.maxBatch);
  const { crop, layout } = settings.input;
  const imageSize = crop * crop * 3;
  const normalize = createNormalizer(settings.input);
  const pixels = new Uint8Array(settings.pixels);
  // A model with a fixed batch always gets that many images; the unused rows keep what they held.
  const tensorData = new Float32Array(imageSize * (shape.fixedBatch ?? maxBatch));

  const infer = async (count: number): Promise<Float32Array> => {
    const rows = shape.fixedBatch ?? count;
    const dims = layout === 'NCHW' ? [rows, 3, crop, crop] : [rows, crop, crop, 3];
    const feed = new Tensor('float32', tensorData.subarray(0, rows * imageSize), dims);
    const output = (await session.run({ [shape.input]: feed }))[shape.output];
    if (output?.type !== 'float32') throw new Error(`the model's output is ${output?.type ?? 'missing'}, not float32`);
    const expected = rows * settings.classes;
    if (output.size !== expected) {
      const found = `[${output.dims.join(', ')}]`;
      throw new Error(`the model's output is ${found}; with its labels it must be [${rows}, ${settings.classes}]`);
    }
    return output.data as Float32Array;
  };

  const warmUpMs: Record<number, number> = {};
  for (const size of warmUpSizes(maxBatch)) {
    await infer(size);
    const started = performance.now();
    await infer(size);
    warmUpMs[size] = performance.now() - started;
  }

  const logits = new Float32Array(settings.logits);
  inbox.on('message', ({ count }: ToThread) => {
    const started = performance.now();
    normalize(pixels, count, tensorData);
    infer(count).then(
      (output) => {
        logits.set(output.subarray(0, count * settings.classes));
        send({ type: 'done', milliseconds: performance.now() - started });
      },
      (error: unknown) => {
        send({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
      },
    );
  });
  send({ type: 'ready', maxBatch, warmUpMs });
}

main(port).catch((error: unknown) => {
  send({ type: 'unusable', reason: error instanceof Error ? error.message : String(error) });
  port.close();
});
