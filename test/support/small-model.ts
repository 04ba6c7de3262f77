/** The ResNet-50 graph of a thirtieth of the work, as somebody's own model: seconds instead of minutes. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildResnet50, encodeModel, IMAGENET_LABELS_PATH } from '@quintet/models';

/** Makes the folder `name` in the models folder `modelsDir`; from a width of 32 it has over 4 MB. Its answers mean nothing. */
export async function makeSmallModel(
  modelsDir: string,
  name: string,
  { build = buildResnet50, width = 16 }: { readonly build?: typeof buildResnet50; readonly width?: number } = {},
): Promise<void> {
  const dir = join(modelsDir, name);
  await mkdir(dir, { recursive: true });
  await writeFile(
    join(dir, 'model.onnx'),
    Buffer.concat([...encodeModel(build({ width, blocks: [1, 1, 1, 1] }).model)]),
  );
  await writeFile(join(dir, 'manifest.json'), JSON.stringify({ weights: 'demo' }));
  await copyFile(IMAGENET_LABELS_PATH, join(dir, 'labels.tsv'));
}
