/** Runs a model in real ONNX Runtime, in a process of its own: sessions block and crash. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const runtime = createRequire(import.meta.url).resolve('onnxruntime-node');

/** Logits for two pictures that are no photos, run together (`rows`) and each alone (`single`). */
export async function classify(
  modelPath: string,
  imageSize: number,
): Promise<{ rows: number[][]; single: number[][] }> {
  return (await run(
    modelPath,
    imageSize,
    `const rowsOf = async (data, batch) => {
      const output = (await session.run({ data: tensor(data, batch) })).logits;
      const classes = output.dims[1];
      return Array.from({ length: batch }, (_, row) => Array.from(output.data.slice(row * classes, (row + 1) * classes)));
    };
    const rows = await rowsOf(two, 2);
    const single = [...(await rowsOf(two.slice(0, pixels), 1)), ...(await rowsOf(two.slice(pixels), 1))];
    return { rows, single };`,
  )) as { rows: number[][]; single: number[][] };
}

/** The lowest and the highest value of the input and of each output for the same two pictures. */
export async function measure(
  modelPath: string,
  imageSize: number,
): Promise<Record<string, { low: number; high: number }>> {
  return (await run(
    modelPath,
    imageSize,
    `const ends = (data) => data.reduce(({ low, high }, x) => ({ low: Math.min(low, x), high: Math.max(high, x) }), { low: 0, high: 0 });
    const outputs = await session.run({ data: tensor(two, 2) });
    return { data: ends(two), ...Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, ends(data)])) };`,
  )) as Record<string, { low: number; high: number }>;
}

/** `body`: the rest of a program that has the session, the pixels of one picture and of the two. */
async function run(modelPath: string, imageSize: number, body: string): Promise<unknown> {
  const program = `
    const ort = require(${JSON.stringify(runtime)});
    const [path, size] = [process.argv[1], Number(process.argv[2])];
    const pixels = 3 * size * size;
    const two = Float32Array.from({ length: 2 * pixels }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * i * 1e-3) + (i < pixels ? 0 : Math.sin(i / 50)));
    const tensor = (data, batch) => new ort.Tensor('float32', data, [batch, 3, size, size]);
    const main = async () => {
      const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
      ${body}
    };
    main().then((result) => console.log(JSON.stringify(result)));`;
  return runProgram(program, modelPath, String(imageSize));
}

/** The logits of an imported or generated graph for one input. The input is written beside the model. */
export async function logitsOf(modelPath: string, input: Float32Array, dims: readonly number[]): Promise<number[]> {
  const inputPath = `${modelPath}.input`;
  await writeFile(inputPath, input);
  const program = `
    const ort = require(${JSON.stringify(runtime)});
    const [path, inputPath, dims] = process.argv.slice(1);
    (async () => {
      const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
      const data = new Float32Array(new Uint8Array(require('node:fs').readFileSync(inputPath)).buffer);
      const { logits } = await session.run({ data: new ort.Tensor('float32', data, JSON.parse(dims)) });
      console.log(JSON.stringify([...logits.data]));
    })();`;
  return (await runProgram(program, modelPath, inputPath, JSON.stringify(dims))) as number[];
}

/** Runs a program of CommonJS that prints JSON. */
async function runProgram(program: string, ...args: string[]): Promise<unknown> {
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program, ...args], { env });
  return JSON.parse(stdout);
}
