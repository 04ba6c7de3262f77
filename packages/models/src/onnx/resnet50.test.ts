import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../mirror.test-support.js';
import { encodeModel, weightBytes } from './encode.js';
import { buildResnet50 } from './resnet50.js';
import { classify } from './run-onnx.test-support.js';

const small = { width: 8, blocks: [2, 1, 1, 1], classes: 20, imageSize: 64 } as const;

describe('the generated ResNet-50', () => {
  it('has 25.6 M parameters and 4.1 GMAC, or 3.9 with the stride of the paper and of the Zoo', () => {
    const { model, statistics } = buildResnet50();
    expect(statistics).toEqual({ parameters: 25_557_032, macs: 4_089_184_256 });
    expect(buildResnet50({ strideOn: '1x1' }).statistics).toEqual({ parameters: 25_557_032, macs: 3_857_973_248 });
    const operators = new Map<string, number>();
    for (const { opType } of model.nodes) operators.set(opType, (operators.get(opType) ?? 0) + 1);
    expect(Object.fromEntries(operators)).toEqual({
      Conv: 53,
      BatchNormalization: 53,
      Relu: 49,
      MaxPool: 1,
      Add: 16,
      GlobalAveragePool: 1,
      Flatten: 1,
      Gemm: 1,
    });
    expect(model.inputs).toEqual([{ name: 'data', dims: ['batch', 3, 224, 224], dataType: 'float32' }]);
    // The running means and variances of 26 560 channels are constants, but not parameters.
    expect(weightBytes(model)).toBe(4 * (25_557_032 + 2 * 26_560));
  });

  it('is the same file on every machine', () => {
    const hash = createHash('sha256');
    for (const chunk of encodeModel(buildResnet50(small).model)) hash.update(chunk);
    expect(hash.digest('hex')).toMatchInlineSnapshot(
      `"b3434f0f18f8e7eacac5eb98e00d5c1f709cc5708a6672bcfeec376764f9e81d"`,
    );
  });

  it('runs in ONNX Runtime with any batch size, tells pictures apart, and stays in range', async () => {
    const path = join(await temporaryFolder(), 'small.onnx');
    await writeFile(path, encodeModel(buildResnet50(small).model));
    const { rows, single } = await classify(path, small.imageSize);
    rows.forEach((row, index) => {
      expect(row).toHaveLength(small.classes);
      row.forEach((value, column) => {
        expect(value).toBeCloseTo(single[index]?.[column] ?? Number.NaN, 3);
      });
      const deviation = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / row.length);
      expect(deviation).toBeGreaterThan(0.1);
      expect(deviation).toBeLessThan(20);
    });
    expect(rows[0]).not.toEqual(rows[1]);
  });

  it('refuses a shape that does not fit its weights', () => {
    const { model } = buildResnet50(small);
    const [first, ...others] = model.initializers;
    if (first === undefined) throw new Error('no initializers');
    const broken = {
      ...model,
      initializers: [{ ...first, dims: [1, ...first.dims] }, { ...first, dims: [7] }, ...others],
    };
    expect(() => [...encodeModel(broken)]).toThrow(/bytes for a shape of 28/);
  });
});
