/** Our pictures are what their sources draw, and the model that Quintet brings along names each of them through the whole service. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Quintet } from '@quintet/client';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { pictureFolder, pictures } from '../support/pictures.js';
import { sharedStack } from '../support/shared-stack.js';
import { hasShared, shared } from '../support/test-model.js';

const bundledModel = 'efficientnet-lite0';
const { render } = (await import(new URL('../../examples/pictures/render.mjs', import.meta.url).href)) as {
  render: (file: string) => Promise<Buffer>;
};

describe('examples/pictures', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await sharedStack());
  });

  it.each(pictures)('$file: $label', async ({ file, label, wnid }) => {
    const job = await new Quintet({ url }).classify(readFileSync(pictureFolder + file));
    const [top] = job.predictions;
    expect(job.predictions).toHaveLength(5);
    if (label === null) return;
    expect(top).toMatchObject({ label, wnid });
    expect(top?.score).toBeGreaterThan(0.5);
  });

  it.each(pictures)(
    '$file is what render.mjs draws; after a change of its source or of sharp, run it again',
    async ({ file }) => {
      const committed = readFileSync(pictureFolder + file);
      const drawn = await render(file);
      // The libraries of other processors round differently.
      if (process.platform === 'linux' && process.arch === 'x64') {
        expect(drawn.equals(committed)).toBe(true);
        return;
      }
      const [one, other] = await Promise.all([committed, drawn].map((bytes) => sharp(bytes).raw().toBuffer()));
      const difference = one?.reduce((sum, value, index) => sum + Math.abs(value - (other?.[index] ?? NaN)), 0) ?? NaN;
      expect(difference / (one?.length ?? 0)).toBeLessThan(1);
    },
  );
});

/** What `npm run accuracy -- --json` prints, as far as it is judged here. */
interface Accuracy {
  readonly images: number;
  readonly bare_runtime: { readonly agreement: number; readonly mean_score_difference: number };
  readonly passed: boolean;
}

/** Photos add to the proof where they are. */
if (hasShared) {
  describe('the photos of ../shared', () => {
    it.each([bundledModel, 'mobilenetv2'])(
      'are answered by %s as ONNX Runtime does on the same crops, and as the reference file has them',
      async (model) => {
        const { stdout } = await promisify(execFile)(process.execPath, [
          fileURLToPath(new URL('../../bench/accuracy.mjs', import.meta.url)),
          ...['--images', `${shared}images`, '--reference', `${shared}reference/${model}-top5.json`],
          ...['--model', model, '--json'],
        ]);
        const result = JSON.parse(stdout) as Accuracy;
        expect(result).toMatchObject({ images: 66, passed: true });
        expect(result.bare_runtime.agreement).toBeGreaterThanOrEqual(0.97);
        expect(result.bare_runtime.mean_score_difference).toBeLessThan(0.05);
      },
    );
  });
}
