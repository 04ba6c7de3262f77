/** The models of the benchmarks, kept between runs: fetched or generated as the services would. */
import { join } from 'node:path';
import { importBuilt, root } from '../../scripts/lib/project.mjs';

/** DATA_DIR of everything that benchmarks start. */
export const benchDataDir = join(root, '.quintet/bench');
export const benchModelsDir = join(benchDataDir, 'models');

/** @param {string} name @param {(text: string) => void} say @returns {Promise<import('../../packages/models/dist/index.js').Model>} */
export async function benchModel(name, say) {
  const { ensureModel } = await importBuilt('packages/models/dist/index.js');
  return ensureModel({
    name,
    modelsDir: benchModelsDir,
    baseUrl: process.env['MODEL_BASE_URL'],
    log: (/** @type {string} */ _level, /** @type {string} */ message) => say(message),
  });
}
