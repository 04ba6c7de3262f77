/** Imported networks against the logits that PyTorch has for the same weights and picture (bench/import-expectations.py). */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectedNetworks, makeCheckpoint, picture } from '../../../../test/fixtures/checkpoints/index.js';
import { networks } from '../../../../test/fixtures/checkpoints/networks.js';
import { full } from '../../../../test/support/full.js';
import { temporaryFolder } from '../mirror.test-support.js';
import { encodeModel } from '../onnx/encode.js';
import { findLinearHead } from '../onnx/linear-head.js';
import { readGraph } from '../onnx/read-graph.js';
import { logitsOf } from '../onnx/run-onnx.test-support.js';
import { importCheckpoint } from './import-checkpoint.js';

/** Of the largest logit. */
const tolerance = 1e-4;

/** Others take seconds each and prove little more; `npm test -- full` has them. */
const usual = ['resnet50', 'resnext50_32x4d', 'efficientnet-lite2', 'transformers resnet18'];
const names = Object.keys(networks).filter((name) => full || usual.includes(name));

describe('importCheckpoint', () => {
  it.each(names)(
    '%s answers as PyTorch does',
    async (name) => {
      const folder = await temporaryFolder();
      const network = networks[name];
      const expected = expectedNetworks()[name];
      if (network === undefined || expected === undefined) throw new Error(`nothing is known of ${name}`);
      const shapes = network.shapes();
      const list = [...shapes].map(([tensor, shape]) => `${tensor} ${shape.join()}`).sort();
      expect(createHash('sha256').update(list.join('\n')).digest('hex')).toBe(expected.tensors);

      await writeFile(join(folder, 'weights.pth'), makeCheckpoint(shapes));
      const { model, architecture, classes, preprocess } = await importCheckpoint(join(folder, 'weights.pth'));
      expect(name.split(' ').at(-1)).toBe(architecture);
      expect(classes).toBe(expected.classes);
      expect(preprocess.crop).toBe(network.size);
      const bytes = Buffer.concat([...encodeModel(model)]);
      expect(findLinearHead(readGraph(bytes))).toMatchObject({ classes });

      await writeFile(join(folder, 'model.onnx'), bytes);
      const logits = await logitsOf(join(folder, 'model.onnx'), picture(network.size), [
        1,
        3,
        network.size,
        network.size,
      ]);
      expect(logits).toHaveLength(classes);
      const largest = Math.max(...expected.logits.map(Math.abs));
      const worst = Math.max(...expected.logits.map((value, index) => Math.abs(value - (logits[index] ?? Number.NaN))));
      expect(largest).toBeGreaterThan(0.5);
      expect(worst / largest).toBeLessThan(tolerance);
    },
    120_000,
  );
});
