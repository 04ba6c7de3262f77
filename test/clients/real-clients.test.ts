/** The clients that people have already, unchanged and pinned, against the real service and the bundled model. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imageClassification, InferenceClient } from '@huggingface/inference';
import { ensureModel, type Preprocess } from '@quintet/models';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPreprocessor } from '../../services/worker/dist/preprocess/index.js';
import { send, startPictureServer } from '../support/picture-server.js';
import { namedPictures, picture, picturePath } from '../support/pictures.js';
import { pythonPackages, runPython } from '../support/python-packages.js';
import { sharedStack } from '../support/shared-stack.js';
import { suiteOrSkip } from '../support/suite-or-skip.js';
import { testDataDir, testModel } from '../support/test-model.js';

const run = promisify(execFile);

const labels = ['wall clock', 'umbrella', 'traffic light'] as const;
const [first] = labels;

/** A picture as clients crop and normalise it themselves: one row of the model's input. */
async function normalised(bytes: Buffer, { resize, crop, interpolation, mean, std }: Preprocess): Promise<Buffer> {
  const preprocessor = createPreprocessor({
    spec: { resize, crop, interpolation },
    maxPixels: 40_000_000,
    timeoutMs: 60_000,
  });
  const { data } = await preprocessor.preprocess(bytes);
  await preprocessor.close();
  const plane = crop * crop;
  const row = Float32Array.from({ length: 3 * plane }, (_, at) => {
    const channel = Math.floor(at / plane);
    return ((data[(at % plane) * 3 + channel] ?? 0) / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1);
  });
  return Buffer.from(row.buffer);
}

interface Scored {
  readonly label: string;
  readonly score: number;
}

interface Failure {
  readonly status: unknown;
  readonly message: string;
}

const found = await pythonPackages({
  requirements: new URL('requirements.txt', import.meta.url),
  name: 'Python clients',
  command: 'npm test -- clients',
});

/** Runs a script of this folder. */
const runScript = (python: string, script: string, ...args: readonly string[]): Promise<unknown> =>
  runPython(python, new URL(script, import.meta.url), args);

describe('clients of other services', () => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await sharedStack());
  });

  describe('@huggingface/inference', () => {
    const endpoint = (model = testModel, query = ''): string => `${url}/models/${model}${query}`;
    const blobOf = (bytes: Buffer): Blob => new Blob([new Uint8Array(bytes)]);

    it('classifies pictures at endpointUrl', async () => {
      for (const label of labels) {
        const answer = await imageClassification({ endpointUrl: endpoint(), data: blobOf(picture(label)) });
        expect(answer).toHaveLength(5);
        expect(answer[0]?.label).toContain(label);
        expect(answer[0]?.score).toBeGreaterThan(0.3);
      }
    });

    it('does so from an InferenceClient with an endpoint, too, with top_k in its address', async () => {
      const client = new InferenceClient().endpoint(endpoint(testModel, '?top_k=2'));
      const answer = await client.imageClassification({ inputs: blobOf(picture(first)) });
      expect(answer.map(({ label }) => label)[0]).toContain(first);
      expect(answer).toHaveLength(2);
    });

    it('tells what is wrong, in the words of the service', async () => {
      const data = new Blob(['no picture']);
      await expect(imageClassification({ endpointUrl: endpoint(), data })).rejects.toThrow(
        'Failed to perform inference: The file is not a supported image; it looks like text.',
      );
      await expect(imageClassification({ endpointUrl: endpoint('nothing'), data })).rejects.toThrow(
        'There is no model nothing.',
      );
    });
  });

  it('a tensor goes to the model as it is, not decoded, cut or normalised again', async () => {
    const { manifest, labels: classes } = await ensureModel({
      name: testModel,
      modelsDir: join(testDataDir, 'models'),
      log: () => undefined,
    });
    const { crop } = manifest.preprocess;
    const crops = await Promise.all(labels.map((label) => normalised(picture(label), manifest.preprocess)));
    const tensors = (await (await fetch(`${url}/v2/models/${testModel}`)).json()) as Record<
      'inputs' | 'outputs',
      readonly { readonly name: string }[]
    >;
    const tensor = { name: tensors.inputs[0]?.name, shape: [crops.length, 3, crop, crop], datatype: 'FP32' };
    const header = JSON.stringify({
      inputs: [{ ...tensor, parameters: { binary_data_size: Buffer.concat(crops).length } }],
      outputs: [{ name: tensors.outputs[0]?.name, parameters: { classification: 1 } }],
    });
    const response = await fetch(`${url}/v2/models/${testModel}/infer`, {
      method: 'POST',
      headers: { 'Inference-Header-Content-Length': String(header.length) },
      body: new Uint8Array(Buffer.concat([Buffer.from(header), ...crops])),
    });
    const { outputs } = (await response.json()) as {
      readonly outputs: readonly { readonly data: readonly string[] }[];
    };
    expect(outputs[0]?.data.map((text) => Number(text.split(':')[1]))).toEqual(
      labels.map((label) => {
        const wnid = namedPictures.find((each) => each.label === label)?.wnid;
        return classes.find((each) => each.wnid === wnid)?.index;
      }),
    );
  });

  it('an address in the inputs of Hugging Face is fetched', async () => {
    const server = await startPictureServer();
    const address = server.at(send(picture(first)));
    const response = await fetch(`${url}/models/${testModel}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ inputs: address }),
    });
    const [best] = (await response.json()) as Scored[];
    expect(best?.label).toContain(first);
    await server.stop();
  });

  /** Runs the examples of docs/clients.md in a language as they stand. */
  async function runExamples(language: 'js' | 'python', count: number, program: readonly string[]): Promise<void> {
    const page = await readFile(new URL('../../docs/clients.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/^```(js|python)\n([^]*?)^```$/gm)].filter(([, of]) => of === language);
    expect(examples).toHaveLength(count);
    for (const [, , text = ''] of examples) {
      const code = text
        .replaceAll('localhost:3000', new URL(url).host)
        .replaceAll('photo.jpg', picturePath(first))
        .replaceAll('mobilenetv2', testModel);
      const [file = '', ...options] = program;
      expect((await run(file, [...options, code])).stdout).toContain(first);
    }
  }

  it('the JavaScript of docs/clients.md runs as it stands', async () => {
    await runExamples('js', 1, [process.execPath, '--input-type=module', '-e']);
  });

  suiteOrSkip('missing' in found ? found.missing : undefined, 'those of Python', () => {
    const python = 'python' in found ? found.python : '';

    it('the Python of docs/clients.md runs as it stands', async () => {
      await runExamples('python', 2, [python, '-I', '-c']);
    });

    it('huggingface_hub classifies pictures, with its parameters, and tells what is wrong', async () => {
      const found = (await runScript(python, 'hugging_face.py', url, picturePath(first), testModel)) as Record<
        'path' | 'bytes' | 'top_2' | 'none' | 'sigmoid' | 'model',
        Scored[]
      > &
        Record<'top_99' | 'text' | 'unknown', Failure>;
      expect(found.path).toHaveLength(5);
      expect(found.path[0]?.label).toContain(first);
      expect(found.bytes).toEqual(found.path);
      expect(found.model).toEqual(found.path);
      expect(found.top_2).toEqual(found.path.slice(0, 2));
      const [one, two] = found.none;
      // Softmax of two values tells their difference only.
      expect(Math.log((found.path[0]?.score ?? 0) / (found.path[1]?.score ?? 1))).toBeCloseTo(
        (one?.score ?? 0) - (two?.score ?? 0),
        3,
      );
      expect(found.sigmoid[0]?.score).toBeCloseTo(1 / (1 + Math.exp(-(one?.score ?? 0))), 6);
      expect(found.top_99).toMatchObject({ status: 400, message: expect.stringContaining('from 1 to 20') as string });
      expect(found.text).toMatchObject({
        status: 415,
        message: expect.stringContaining('it looks like text') as string,
      });
      expect(found.unknown).toMatchObject({
        status: 404,
        message: expect.stringContaining('no model nothing') as string,
      });
    });

    it('tritonclient infers from tensors and pictures, both ways, and tells what is wrong', async () => {
      const found = (await runScript(python, 'triton.py', url, testModel, ...labels.map(picturePath))) as {
        readonly metadata: {
          readonly name: string;
          readonly versions: string[];
          readonly inputs: object[];
          readonly outputs: object[];
        };
        readonly config: object;
        readonly differs: Record<string, number>;
        readonly rows_differ: number;
        readonly logits: number[];
        readonly classes: string[][];
        readonly classes_json: string[][];
        readonly tensor_classes: string[][];
      } & Record<string, unknown>;
      expect(found).toMatchObject({
        live: true,
        ready: true,
        model_ready: true,
        version_ready: true,
        unknown_ready: false,
        server: {
          name: 'quintet',
          extensions: expect.arrayContaining(['classification', 'binary_tensor_data']) as string[],
        },
        metadata: {
          name: testModel,
          platform: 'onnx_onnxv1',
          inputs: [{ datatype: 'FP32', shape: [-1, 3, 224, 224] }],
          outputs: [{ datatype: 'FP32', shape: [-1, 1000] }],
        },
        config: {
          max_batch_size: 55,
          input: [{ data_type: 'TYPE_FP32', format: 'FORMAT_NCHW', dims: [3, 224, 224] }],
          output: [{ dims: [1000] }],
        },
        shape: [3, 1000],
        reply: { id: 'a request', model_name: testModel, model_version: found.metadata.versions[0] },
        unknown: { status: '404', message: expect.stringContaining('no model nothing') as string },
        unknown_version: { status: '404', message: expect.stringContaining('no such version') as string },
        not_finite: { status: '400', message: expect.stringContaining('not a finite number') as string },
        no_picture: { status: '415', message: expect.stringContaining('it looks like text') as string },
        no_route: { status: '404', message: 'There is nothing at this address.' },
      });
      // Numbers in JSON are float32 as much as those in binary.
      for (const [way, difference] of Object.entries(found.differs)) expect([way, difference]).toEqual([way, 0]);
      expect(found.rows_differ).toBeGreaterThan(0);
      for (const [index, row] of found.classes.entries()) {
        expect(row).toHaveLength(3);
        expect(row[0]).toMatch(/^\d+\.\d{6}:\d+:/);
        expect(row[0]).toContain(labels[index]);
      }
      expect(found.classes_json).toEqual(found.classes.slice(0, 1));
      expect(found.tensor_classes.map((row) => row.length)).toEqual([1, 1, 1]);
      // The model's own values, whose largest is the class that was named.
      const [value = '', index = ''] = (found.classes[0]?.[0] ?? '').split(':');
      expect(found.logits).toHaveLength(1000);
      expect(found.logits.indexOf(Math.max(...found.logits))).toBe(Number(index));
      expect(found.logits[Number(index)]).toBeCloseTo(Number(value), 5);
    });
  });
});
