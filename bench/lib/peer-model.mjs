/** A model of the repository as transformers.js wants it: a folder with its descriptions around the same ONNX file. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchDataDir } from './model.mjs';

/** PIL's number of the bilinear filter, which preprocessor_config.json uses. */
const bilinear = 2;

/** @param {import('../../packages/models/dist/index.js').Model} model @returns {string} the folder */
export function transformersFolder({ manifest, modelPath, labels }) {
  const folder = join(benchDataDir, 'transformers-js', manifest.name);
  const { resize, crop, mean, std } = manifest.preprocess;
  const config = {
    model_type: 'resnet',
    architectures: ['ResNetForImageClassification'],
    id2label: Object.fromEntries(labels.map(({ index, label }) => [index, label])),
  };
  const preprocessor = {
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { shortest_edge: resize },
    resample: bilinear,
    do_center_crop: true,
    crop_size: { width: crop, height: crop },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(preprocessor));
  symlinkSync(modelPath, join(folder, 'onnx/model.onnx'));
  return folder;
}
