// A process of its own, so that Ctrl-C ends a download or the generation of weights at once: argument 1 is a JSON object
// of ensureModel's options, without a name where the default is wanted; what happens is sent to the parent (see model.mjs).
import { importBuilt } from './project.mjs';

process.once('disconnect', () => process.exit(1));
const { defaultProgress, ensureDefaultModel, ensureModel } = await importBuilt('packages/models/dist/index.js');
const { defaultModels } = await importBuilt('packages/shared/dist/config/default-models.js');
const options = JSON.parse(process.argv[2] ?? '{}');
const log = (/** @type {string} */ level, /** @type {string} */ message) => process.send?.({ level, message });

if (!process.connected) process.exit(1);
try {
  const all = { ...options, log, progress: defaultProgress(log, process.stdout) };
  const { manifest } = await (options.name ? ensureModel(all) : ensureDefaultModel({ ...all, names: defaultModels }));
  process.send?.({ done: { name: manifest.name, weights: manifest.weights } });
} catch (error) {
  const { name, code, message, stack } = /** @type {Error & { code?: string }} */ (error);
  process.send?.({ failed: { code, message: name === 'ModelError' ? message : (stack ?? String(error)) } });
}
process.disconnect?.();
