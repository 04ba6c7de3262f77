/** A model that takes about a second for a picture, or a given part of it, on any machine: one wide convolution. Its answers mean nothing. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraphBuilder, constantChunk, encodeModel, filterChunks, heFilters } from '@quintet/models';

export const slowModel = 'slow';
const side = 224;

/** Makes the model's folder in a new models folder, which is returned; the caller removes it. Half the filters take a quarter of the time. */
export async function makeSlowModel(filters = 256): Promise<string> {
  const graph = new GraphBuilder();
  let x = graph.image('data', 3, side, side);
  for (const [name, kernel] of [['widen', 1] as const, ['slow', 3] as const]) {
    const weights = heFilters({ seed: 1, name, filters, fanIn: x.channels * kernel * kernel, centred: true });
    x = graph.conv(x, { name, filters, kernel, stride: 1, pad: (kernel - 1) / 2, weights });
  }
  graph.classifier(x, {
    output: 'logits',
    classes: 5,
    weights: () => filterChunks({ seed: 1, stream: 'fc.weight', filters: 5, fanIn: filters, std: 1, centred: true }),
    bias: () => [constantChunk(5, 0)],
  });
  const folder = await mkdtemp(join(tmpdir(), 'quintet-slow-model-'));
  const model = join(folder, slowModel);
  await mkdir(model);
  await writeFile(join(model, 'model.onnx'), Buffer.concat([...encodeModel(graph.build(slowModel, 'slow').model)]));
  const manifest = { weights: 'demo', preprocess: { resize: side, crop: side } };
  await writeFile(join(model, 'manifest.json'), JSON.stringify(manifest));
  const labels = Array.from({ length: 5 }, (_, index) => `n0000000${index}\tclass ${index}`);
  await writeFile(join(model, 'labels.tsv'), `${labels.join('\n')}\n`);
  return folder;
}
