/**
 * What class activation maps say, against what the network itself does: their mean over the picture plus the class's bias is the
 * logit that the same run answers. Real threads and ONNX Runtime, on files as they are and as they are prepared for a machine.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  buildResnet50,
  buildResnet50Int8,
  DEFAULT_PREPROCESS,
  encodeModel,
  ensureModel,
  readLinearHead,
  type Model,
} from '@quintet/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelFile } from '../../services/worker/dist/inference/model-file.js';
import { InferenceStream } from '../../services/worker/dist/inference/stream.js';
import type { ModelFile } from '../../services/worker/dist/inference/thread-protocol.js';
import { testDataDir, testModel } from '../support/test-model.js';

const pictures = 3;
const small = { width: 32, blocks: [1, 1, 1, 1], classes: 20, imageSize: 96 } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-explain-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Subject {
  readonly path: () => Promise<string>;
  readonly side: number;
  readonly classes: number;
  /** How far mean and bias may be from the logit: roundings of float32, or the steps of bytes between map and logit. */
  readonly tolerance: (logit: number) => number;
}

const generated = (name: string, build: typeof buildResnet50, tolerance: Subject['tolerance']): Subject => ({
  path: async () => {
    const path = join(folder, `${name}.onnx`);
    await writeFile(path, Buffer.concat([...encodeModel(build(small).model)]));
    return path;
  },
  side: small.imageSize,
  classes: small.classes,
  tolerance,
});

const subjects = {
  'ResNet-50 in float32': generated('float', buildResnet50, (logit) => 1e-5 * Math.abs(logit)),
  // Half a step of each pooled feature, of which there are 1024: what is left of their sum. The logits stay float32.
  'ResNet-50 in int8': generated('int8', buildResnet50Int8, () => 0.1),
  // The pooled features as well; and half a step of the product and of the sum, which are bytes too: 0.16 each.
  'the bundled model': {
    path: async () =>
      (await ensureModel({ name: testModel, modelsDir: join(testDataDir, 'models'), log: () => undefined })).modelPath,
    side: 224,
    classes: 1000,
    tolerance: () => 0.2,
  },
} as const satisfies Record<string, Subject>;

async function openModel({ path, side, classes }: Subject) {
  const modelPath = await path();
  const labels = Array.from({ length: classes }, (_, index) => ({ index, wnid: `n${index}`, label: `class ${index}` }));
  const { file, head } = await modelFile({ modelPath, labels } as unknown as Model, 'exact');
  if ('reason' in head) throw new Error(head.reason);
  const { bias } = await readLinearHead(modelPath);
  const slots = new SharedArrayBuffer(pictures * side * side * 3);
  const pixels = new Uint8Array(slots);
  // Stripes and rings, each picture its own: something to be seen in one place and not in another.
  for (let index = 0; index < pixels.length; index += 1) {
    const [picture, at] = [Math.floor(index / (side * side * 3)), Math.floor(index / 3) % (side * side)];
    const [x, y] = [at % side, Math.floor(at / side)];
    pixels[index] = 128 + 120 * Math.sin((x * x + picture * y * 31) / (900 - 200 * picture)) * (y > side / 2 ? 1 : 0.1);
  }
  const input = { ...DEFAULT_PREPROCESS, crop: side };
  const start = (opened: ModelFile) =>
    InferenceStream.start(
      {
        file: opened,
        provider: 'cpu',
        intraOpThreads: 1,
        maxBatch: pictures,
        warmUp: [1],
        input,
        classes,
        head,
        slots,
      },
      { onDeath: () => undefined, onStuck: () => undefined },
    );
  return { file, bias, input, start };
}

for (const [name, subject] of Object.entries<Subject>(subjects)) {
  it(`${name}: explains the pictures that ask, exactly, and answers all as if nobody had asked`, async () => {
    const { file, bias, input, start } = await openModel(subject);
    const prepared = join(folder, `prepared ${name}`);
    await prepareIn(prepared, file, input);
    for (const opened of [file, { ...file, path: join(prepared, 'model.onnx'), prepared: true }]) {
      const { stream, unexplained } = await start(opened);
      expect(unexplained).toBeUndefined();
      const silent = await stream.run([0, 1, 2]);
      expect(silent.maps).toEqual([]);
      const logits = silent.rows.map((row) => [...row]);
      const { rows, maps } = await stream.run([0, 1, 2], [2, 0]);
      expect(rows.map((row) => [...row])).toEqual(logits);
      expect(maps).toHaveLength(2);
      for (const [at, picture] of [2, 0].entries()) {
        const { index = -1, values = [], rows: height = 0, columns = 0 } = maps[at] ?? {};
        const own = logits[picture] ?? [];
        expect(index).toBe(own.indexOf(Math.max(...own)));
        expect([height, columns]).toEqual([subject.side / 32, subject.side / 32]);
        expect(values).toHaveLength(height * columns);
        const mean = [...values].reduce((sum, value) => sum + value, 0) / values.length;
        const logit = own[index] ?? NaN;
        expect(Math.abs(mean + (bias[index] ?? NaN) - logit)).toBeLessThanOrEqual(subject.tolerance(logit));
      }
      await stream.stop();
    }
  });
}

/** In a process of its own, as the worker does it. */
async function prepareIn(target: string, file: ModelFile, input: object): Promise<void> {
  const module = new URL('../../services/worker/dist/profile/prepare.js', import.meta.url).href;
  const extension = file.extension && { ...file.extension, bytes: [...file.extension.bytes] };
  const program = `
    const { mkdirSync } = await import('node:fs');
    const { prepareModel } = await import(${JSON.stringify(module)});
    const { target, file, input } = JSON.parse(process.argv[1]);
    mkdirSync(target);
    const extension = { ...file.extension, bytes: Uint8Array.from(file.extension.bytes) };
    await prepareModel({ ...file, extension }, target, input);`;
  const given = JSON.stringify({ target, file: { ...file, extension }, input });
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program, given], { env });
}

describe('a model without such an end', () => {
  it('answers all the same, and says why it explains nothing', async () => {
    const path = join(folder, 'other.onnx');
    const { model } = buildResnet50(small);
    // A pool over everything but a global one.
    const nodes = model.nodes.map((node) =>
      node.opType === 'GlobalAveragePool' ? { ...node, opType: 'GlobalMaxPool' } : node,
    );
    await writeFile(path, Buffer.concat([...encodeModel({ ...model, nodes })]));
    const labels = Array.from({ length: small.classes }, (_, index) => ({ index, wnid: '', label: '' }));
    const { file, head } = await modelFile({ modelPath: path, labels } as unknown as Model, 'exact');
    expect(file).not.toHaveProperty('extension');
    expect(head).toMatchObject({ reason: expect.stringContaining('GlobalMaxPool') as string });
    const fewer = await modelFile({ modelPath: join(folder, 'float.onnx'), labels: [] } as unknown as Model, 'exact');
    expect(fewer.head).toMatchObject({ reason: 'its last layer has 20 classes, and there are 0 labels' });
  });

  it('is opened without its feature maps where ONNX Runtime would not give them', async () => {
    const { file, start } = await openModel(subjects['ResNet-50 in float32']);
    const broken = { output: 'nothing', bytes: Buffer.from('3a0b62090a076e6f7468696e67', 'hex') };
    const { stream, unexplained } = await start({ ...file, extension: broken });
    expect(unexplained).toBeTruthy();
    expect((await stream.run([0])).rows).toHaveLength(1);
    await stream.stop();
  });
});
