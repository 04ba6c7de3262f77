/** The model of the tests: the one that the clone brings along, on every machine. Its folder is kept between runs. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);
export const shared = fileURLToPath(new URL('../shared/', root));

/** Whether ../shared is there: photos and reference results, which only add cases. */
export const hasShared = existsSync(`${shared}models`) && existsSync(`${shared}images`);

export const testModel = 'efficientnet-lite0';

/** Where the models of the tests are kept. */
export const testDataDir = fileURLToPath(new URL('node_modules/.cache/quintet-test', root));

/** Environment of a worker that serves the test model, with the same settings on every machine. */
export const testModelEnvironment: Readonly<Record<string, string>> = {
  MODEL: testModel,
  PROFILE: 'off',
  DATA_DIR: testDataDir,
};
