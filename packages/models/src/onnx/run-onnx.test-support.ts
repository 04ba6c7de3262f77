/** Runs a model in real ONNX Runtime, in a process of its own: sessions block and crash. */
import { execFile } from 'node:child_process';
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
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  const args = ['-e', program, modelPath, String(imageSize)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout) as { rows: number[][]; single: number[][] };
}
