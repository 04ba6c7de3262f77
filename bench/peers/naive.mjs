/**
 * The naive program: what one writes in an afternoon. Express, multer, sharp, and `session.run` in the handler; no queue, no
 * batches. How many handlers run the model at once is left to the requests.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const ofApi = createRequire(join(root, 'services/api/package.json'));
const ofWorker = createRequire(join(root, 'services/worker/package.json'));
const express = ofApi('express');
const multer = createRequire(import.meta.url)('multer');
const sharp = ofWorker('sharp');
const { InferenceSession, Tensor } = ofWorker('onnxruntime-node');

const { PEER_PORT, PEER_MODEL, PEER_LABELS, PEER_THREADS } = process.env;
const side = 224;
const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];

const labels = readFileSync(PEER_LABELS, 'utf8')
  .split('\n')
  .map((line) => line.split('\t')[1]);
// 0: as the library would choose, spinning included. Else as many threads, which do not spin.
const threads = Number(PEER_THREADS);
const noSpinning = { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } };
const session = await InferenceSession.create(
  PEER_MODEL,
  threads === 0 ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1, extra: noSpinning },
);
const [name] = session.inputNames;
const [output] = session.outputNames;

/** @param {Buffer} file */
async function preprocess(file) {
  const { data, info } = await sharp(file)
    .rotate()
    .resize(256, 256, { fit: 'outside', kernel: 'linear' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const left = Math.round((info.width - side) / 2);
  const top = Math.round((info.height - side) / 2);
  const tensor = new Float32Array(3 * side * side);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const from = ((top + y) * info.width + left + x) * 3;
      for (let channel = 0; channel < 3; channel += 1) {
        const value = data[from + channel] / 255;
        tensor[(channel * side + y) * side + x] = (value - mean[channel]) / std[channel];
      }
    }
  }
  return new Tensor('float32', tensor, [1, 3, side, side]);
}

/** @param {Float32Array} logits */
function topFive(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers
    .map((value, index) => ({ label: labels[index], index, score: value / sum }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 5);
}

const app = express();
const upload = multer({ storage: multer.memoryStorage() });
app.post('/classify', upload.single('image'), async (request, response) => {
  const tensor = await preprocess(request.file.buffer);
  const result = await session.run({ [name]: tensor });
  response.json({ predictions: topFive(result[output].data) });
});
app.listen(Number(PEER_PORT), '127.0.0.1');
