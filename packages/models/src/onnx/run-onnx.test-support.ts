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
  const program = `
    const ort = require(${JSON.stringify(runtime)});
    const [path, size] = [process.argv[1], Number(process.argv[2])];
    (async () => {
      const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
      const pixels = 3 * size * size;
      const two = Float32Array.from({ length: 2 * pixels }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * i * 1e-3) + (i < pixels ? 0 : Math.sin(i / 50)));
      const run = async (data, batch) => {
        const output = (await session.run({ data: new ort.Tensor('float32', data, [batch, 3, size, size]) })).logits;
        const classes = output.dims[1];
        return Array.from({ length: batch }, (_, row) => Array.from(output.data.slice(row * classes, (row + 1) * classes)));
      };
      const rows = await run(two, 2);
      const single = [...(await run(two.slice(0, pixels), 1)), ...(await run(two.slice(pixels), 1))];
      console.log(JSON.stringify({ rows, single }));
    })();`;
  return (await runProgram(program, modelPath, String(imageSize))) as { rows: number[][]; single: number[][] };
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
