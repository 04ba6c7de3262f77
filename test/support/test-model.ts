/** The model of the tests: MobileNetV2 from ../shared where it is, else the generated ResNet-50. Kept between runs. */
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);
export const shared = fileURLToPath(new URL('../shared/', root));

/** Whether ../shared is there: real photos, a real model, reference results. */
export const hasShared = existsSync(`${shared}models`) && existsSync(`${shared}images`);

export const testModel = 'efficientnet-lite0';

/** Environment of a worker that serves the test model, with the same settings on every machine. */
export const testModelEnvironment: Readonly<Record<string, string>> = {
  MODEL: testModel,
  PROFILE: 'off',
  DATA_DIR: fileURLToPath(new URL('node_modules/.cache/quintet-test', root)),
  ...(hasShared ? { MODEL_BASE_URL: pathToFileURL(`${shared}models`).href } : {}),
};
