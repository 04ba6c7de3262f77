/** The clients that people have already, unchanged and pinned, against the real service and MobileNetV2. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { imageClassification, InferenceClient } from '@huggingface/inference';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { send, startPictureServer } from '../support/picture-server.js';
import { startStack, type Stack } from '../support/stack.js';
import { hasShared, shared, testModel } from '../support/test-model.js';
import { pythonClients, runPython, type PythonClients } from './support/python-clients.js';

const run = promisify(execFile);

const photos = ['n02279972_monarch.JPEG', 'n03452741_grand_piano.JPEG', 'n07873807_pizza.JPEG'];
const labels = ['monarch', 'grand piano', 'pizza'];
const pathOf = (photo: string): string => join(shared, 'images', photo);

interface Reference {
  readonly images: Readonly<Record<string, { readonly top5: readonly { readonly index: number }[] }>>;
}

const plane = 224 * 224;
const cropBytes = 3 * plane * 4;

/** A reference crop as clients normalise it themselves: one row of the model's input. */
async function normalised(name: string): Promise<Buffer> {
  const pixels = await sharp(join(shared, 'reference/crops', name))
    .removeAlpha()
    .raw()
    .toBuffer();
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ];
  const row = Float32Array.from({ length: 3 * plane }, (_, at) => {
    const channel = Math.floor(at / plane);
    return ((pixels[(at % plane) * 3 + channel] ?? 0) / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1);
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

describe.skipIf(!hasShared)('clients of other services (needs ../shared)', () => {
  let stack: Stack;
  // Installed while the service starts and answers the others; 12 s the first time.
  let installed: Promise<PythonClients>;

  beforeAll(async () => {
    installed = pythonClients();
    stack = await startStack();
  });
  afterAll(async () => {
    await installed;
    await stack.stop();
  });

  const python = async (context: TestContext): Promise<string> => {
    const found = await installed;
    if ('missing' in found) context.skip(`no Python clients: ${found.missing}`);
    return 'python' in found ? found.python : '';
  };

  describe('@huggingface/inference', () => {
    const endpoint = (model = testModel, query = ''): string => `${stack.url}/models/${model}${query}`;
    const blobOf = async (photo: string): Promise<Blob> => new Blob([new Uint8Array(await readFile(pathOf(photo)))]);

    it('classifies pictures at endpointUrl', async () => {
      for (const [index, photo] of photos.entries()) {
        const answer = await imageClassification({ endpointUrl: endpoint(), data: await blobOf(photo) });
        expect(answer).toHaveLength(5);
        expect(answer[0]?.label).toContain(labels[index]);
        expect(answer[0]?.score).toBeGreaterThan(0.3);
      }
    });

    it('does so from an InferenceClient with an endpoint, too, with top_k in its address', async () => {
      const client = new InferenceClient().endpoint(endpoint(testModel, '?top_k=2'));
      const answer = await client.imageClassification({ inputs: await blobOf(photos[0] ?? '') });
      expect(answer.map(({ label }) => label)[0]).toContain('monarch');
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
    const reference = JSON.parse(await readFile(join(shared, 'reference/mobilenetv2-top5.json'), 'utf8')) as Reference;
    const crops = await Promise.all(photos.map((photo) => normalised(photo.replace('.JPEG', '.png'))));
    const tensor = { name: 'input', shape: [crops.length, 3, 224, 224], datatype: 'FP32' };
    const header = JSON.stringify({
      inputs: [{ ...tensor, parameters: { binary_data_size: crops.length * cropBytes } }],
      outputs: [{ name: 'output', parameters: { classification: 1 } }],
    });
    const response = await fetch(`${stack.url}/v2/models/${testModel}/infer`, {
      method: 'POST',
      headers: { 'Inference-Header-Content-Length': String(header.length) },
      body: new Uint8Array(Buffer.concat([Buffer.from(header), ...crops])),
    });
    const { outputs } = (await response.json()) as {
      readonly outputs: readonly { readonly data: readonly string[] }[];
    };
    expect(outputs[0]?.data.map((text) => Number(text.split(':')[1]))).toEqual(
      photos.map((photo) => reference.images[photo]?.top5[0]?.index),
    );
  });

  it('an address in the inputs of Hugging Face is fetched', async () => {
    const pictures = await startPictureServer();
    const photo = await readFile(pathOf(photos[0] ?? ''));
    const url = pictures.at(send(photo));
    const response = await fetch(`${stack.url}/models/${testModel}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ inputs: url }),
    });
    const [first] = (await response.json()) as Scored[];
    expect(first?.label).toContain('monarch');
    await pictures.stop();
  });

  it('the examples of docs/clients.md run as they stand', async (context) => {
    const page = await readFile(new URL('../../docs/clients.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/^```(js|python)\n([^]*?)^```$/gm)];
    expect(examples).toHaveLength(3);
    for (const [, language, text = ''] of examples) {
      const code = text
        .replaceAll('localhost:3000', new URL(stack.url).host)
        .replaceAll('photo.jpg', pathOf(photos[0] ?? ''));
      const isScript = language === 'js';
      const program = isScript ? process.execPath : await python(context);
      const { stdout } = await run(program, isScript ? ['--input-type=module', '-e', code] : ['-I', '-c', code]);
      expect(stdout).toContain('monarch');
    }
  });

  it('huggingface_hub (Python) classifies pictures, with its parameters, and tells what is wrong', async (context) => {
    const [photo = ''] = photos;
    const found = (await runPython(
      await python(context),
      'hugging_face.py',
      stack.url,
      pathOf(photo),
      testModel,
    )) as Record<'path' | 'bytes' | 'top_2' | 'none' | 'sigmoid' | 'model', Scored[]> &
      Record<'top_99' | 'text' | 'unknown', Failure>;
    expect(found.path).toHaveLength(5);
    expect(found.path[0]?.label).toContain('monarch');
    expect(found.bytes).toEqual(found.path);
    expect(found.model).toEqual(found.path);
    expect(found.top_2).toEqual(found.path.slice(0, 2));
    const [first, second] = found.none;
    // Softmax of two values tells their difference only.
    expect(Math.log((found.path[0]?.score ?? 0) / (found.path[1]?.score ?? 1))).toBeCloseTo(
      (first?.score ?? 0) - (second?.score ?? 0),
      3,
    );
    expect(found.sigmoid[0]?.score).toBeCloseTo(1 / (1 + Math.exp(-(first?.score ?? 0))), 6);
    expect(found.top_99).toMatchObject({ status: 400, message: expect.stringContaining('from 1 to 20') as string });
    expect(found.text).toMatchObject({ status: 415, message: expect.stringContaining('it looks like text') as string });
    expect(found.unknown).toMatchObject({
      status: 404,
      message: expect.stringContaining('no model nothing') as string,
    });
  });

  it('tritonclient (Python) infers from tensors and pictures, both ways, and tells what is wrong', async (context) => {
    const script = await python(context);
    const found = (await runPython(script, 'triton.py', stack.url, testModel, ...photos.map(pathOf))) as {
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
        max_batch_size: 34,
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
