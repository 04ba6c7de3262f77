/**
 * What bare ONNX Runtime on this CPU says of crops that were made elsewhere: the reference for everything around the model.
 *
 *   node bench/bare-reference.mjs --model FILE.onnx --crops DIR [--mean R,G,B --std R,G,B]
 *
 * prints JSON: {<crop's name>: [{index, score, logit} × 5]}.
 *
 * Needed because a quantised model is not the same function on every CPU: without VNNI instructions the 16-bit sums of
 * U8S8 products saturate (ONNX Runtime, "Quantize ONNX models"), so a table computed on one machine cannot judge another.
 * As in a worker, the weights are turned to uint8 there, unless INT8_ARITHMETIC=fast. Crops are lossless 224×224 RGB; one
 * thread, float32 softmax. Without --mean and --std those of ImageNet.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { importBuilt } from '../scripts/lib/project.mjs';

// Before the library is loaded: it sends usage events otherwise.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
const { default: ort } = await import('onnxruntime-node');

const side = 224;
const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    crops: { type: 'string' },
    mean: { type: 'string', default: '0.485,0.456,0.406' },
    std: { type: 'string', default: '0.229,0.224,0.225' },
  },
});
if (values.model === undefined || values.crops === undefined) {
  process.stderr.write(
    'usage: node bench/bare-reference.mjs --model FILE.onnx --crops DIR [--mean R,G,B --std R,G,B]\n',
  );
  process.exit(2);
}
const [mean, std] = [values.mean, values.std].map((text) => text.split(',').map(Number));

async function tensorOf(file) {
  // Pillow copies a photo's colour profile into the PNG it writes; applying it would change the reference.
  const pixels = await sharp(file, { ignoreIcc: true }).removeAlpha().raw().toBuffer();
  const plane = side * side;
  const data = new Float32Array(3 * plane);
  for (let pixel = 0; pixel < plane; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      // Rounded to float32 at each step, as torchvision computes it: an int8 model notices the last bit.
      const scaled = Math.fround(pixels[pixel * 3 + channel] / 255);
      data[channel * plane + pixel] = Math.fround(scaled - Math.fround(mean[channel])) / Math.fround(std[channel]);
    }
  }
  return new ort.Tensor('float32', data, [1, 3, side, side]);
}

function topFive(logits) {
  const max = Math.max(...logits);
  const exponentials = Array.from(logits, (value) => Math.exp(value - max));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials
    .map((value, index) => ({ index, score: value / sum, logit: logits[index] }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 5);
}

const { int8MaySaturate, ownVectorInstructions } = await importBuilt('services/worker/dist/inference/hardware.js');
const isExact = process.env['INT8_ARITHMETIC'] !== 'fast' && int8MaySaturate(process.arch, ownVectorInstructions());
const session = await ort.InferenceSession.create(values.model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  ...(isExact ? { extra: { session: { x64quantprecision: '1' } } } : {}),
});
const [input] = session.inputNames;
const [output] = session.outputNames;
const answers = {};
for (const file of (await readdir(values.crops)).filter((name) => name.endsWith('.png')).sort()) {
  const result = await session.run({ [input]: await tensorOf(join(values.crops, file)) });
  answers[file.replace(/\.png$/, '')] = topFive(result[output].data);
}
process.stdout.write(`${JSON.stringify(answers)}\n`);
