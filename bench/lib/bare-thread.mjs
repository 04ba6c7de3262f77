/**
 * The body of a bare inference thread: ONNX Runtime and nothing around it. With `images` it decodes each picture too, as
 * cheaply as sharp can, several ahead of the model in libuv's pool: the most that any service on these cores could do.
 *
 * On `go` it runs until the time is over and answers with the milliseconds of each run.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { importBuilt, root } from '../../scripts/lib/project.mjs';

/** @type {{ file: import('../../services/worker/dist/inference/thread-protocol.js').ModelFile, intraOpThreads: number, batch: number, images?: Uint8Array[] }} */
const { file, intraOpThreads, batch, images } = workerData;
const require = createRequire(join(root, 'services/worker/package.json'));
const { InferenceSession, Tensor } = require('onnxruntime-node');
const { sessionOptions } = await importBuilt('services/worker/dist/inference/session.js');
const { createNormalizer } = await importBuilt('services/worker/dist/inference/normalize.js');

const side = 224;
const ahead = 3;
const input = { crop: side, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], layout: 'NCHW', color: 'RGB' };
const normalize = createNormalizer(input);
const session = await InferenceSession.create(file.path, sessionOptions({ file, provider: 'cpu', intraOpThreads }));
const [name] = session.inputNames;
const tensorData = Float32Array.from({ length: batch * 3 * side * side }, (_, index) => Math.sin(index / 7) * 2);
const tensor = new Tensor('float32', tensorData, [batch, 3, side, side]);
for (let run = 0; run < 3; run += 1) await session.run({ [name]: tensor });

async function runOnly(/** @type {number} */ until) {
  const times = [];
  while (performance.now() < until) {
    const began = performance.now();
    await session.run({ [name]: tensor });
    times.push(performance.now() - began);
  }
  return times;
}

async function decodeAndRun(/** @type {number} */ until, /** @type {Uint8Array[]} */ pictures) {
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  sharp.concurrency(1);
  let next = 0;
  const decode = () =>
    sharp(pictures[next++ % pictures.length])
      .resize(256, 256, { fit: 'outside', kernel: 'linear', fastShrinkOnLoad: false })
      .extract({ left: 16, top: 16, width: side, height: side })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer();
  const decoded = Array.from({ length: ahead }, decode);
  const times = [];
  while (performance.now() < until) {
    const pixels = await decoded.shift();
    decoded.push(decode());
    normalize(pixels, 0, tensorData, 0);
    const began = performance.now();
    await session.run({ [name]: tensor });
    times.push(performance.now() - began);
  }
  await Promise.all(decoded);
  return times;
}

parentPort?.on('message', (/** @type {{ seconds: number }} */ { seconds }) => {
  const until = performance.now() + seconds * 1000;
  const work = images === undefined ? runOnly(until) : decodeAndRun(until, images);
  work.then(
    (times) => parentPort?.postMessage({ times }),
    (error) => {
      throw error;
    },
  );
});
parentPort?.postMessage({ ready: true });
