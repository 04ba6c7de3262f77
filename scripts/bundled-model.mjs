// Makes the bundled model again, from the checkpoint that docs/models.md names and the ranges that are committed beside it, and
// compares it with the committed file byte for byte: `node scripts/bundled-model.mjs CHECKPOINT`. With `--write` it
// writes the file instead, after a change of the importer or the quantiser; the catalogue's hash changes with it.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeModel, importCheckpoint, quantizeModel, readModel, readRanges } from '@quintet/models';
import { root } from './lib/project.mjs';

const [checkpoint, option] = process.argv.slice(2);
if (checkpoint === undefined || (option !== undefined && option !== '--write')) {
  process.stderr.write('Usage: node scripts/bundled-model.mjs CHECKPOINT [--write]\n');
  process.exit(2);
}

const data = join(root, 'packages', 'models', 'data');
const path = join(data, 'efficientnet-lite0.onnx');
/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const { file, ranges } = readRanges(readFileSync(join(data, 'efficientnet-lite0-ranges.json'), 'utf8'));
const { model } = await importCheckpoint(checkpoint);
const float = Buffer.concat([...encodeModel(model)]);
if (sha256(float) !== file.model) {
  process.stderr.write(`The imported model is sha256:${sha256(float)}; the ranges belong to sha256:${file.model}.\n`);
  process.exit(1);
}
const int8 = Buffer.concat([...encodeModel(quantizeModel(readModel(float), { ranges, narrow: false }))]);
process.stdout.write(`efficientnet-lite0 ${int8.length} bytes, sha256 ${sha256(int8)}\n`);
if (option === '--write') {
  writeFileSync(path, int8);
} else if (!int8.equals(readFileSync(path))) {
  process.stderr.write(`${path} is another file.\n`);
  process.exit(1);
}
