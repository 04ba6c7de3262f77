/** Gets the model before anything starts; falls back to generated weights only where nobody named a model. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { StepError, seconds, step, warn } from './report.mjs';
import { killGroup } from './run-command.mjs';

const FALLBACK = 'resnet50-demo';

/** @typedef {{ name: string, weights: string }} Chosen */

/**
 * @param {{ model: string, modelNamed: boolean, modelsDir: string, baseUrl: string | undefined, signal: AbortSignal }} options
 * @returns {Promise<Chosen>} the model to serve
 */
export async function prepareModel({ model, modelNamed, modelsDir, baseUrl, signal }) {
  const first = await fetchModel({ name: model, modelsDir, baseUrl }, signal);
  if (first.done) return { name: model, weights: first.done.weights };
  if (first.failed?.code !== 'model_unreachable' || modelNamed) throw failure(model, first.failed);
  // Each source's own reason was a warning already.
  warn(`no source of ${model} can be reached: check the network, or set MODEL_BASE_URL to a mirror`);
  warn(`serving ${FALLBACK} instead: THE SAME GRAPH WITH GENERATED WEIGHTS, ITS PREDICTIONS MEAN NOTHING`);
  const second = await fetchModel({ name: FALLBACK, modelsDir, baseUrl }, signal);
  if (second.done) return { name: FALLBACK, weights: second.done.weights };
  throw failure(FALLBACK, second.failed);
}

/**
 * @typedef {{ done?: { version: string, weights: string }, failed?: { code?: string, message: string } }} Result
 * @param {{ name: string, modelsDir: string, baseUrl: string | undefined }} options
 * @param {AbortSignal} signal
 * @returns {Promise<Result>}
 */
function fetchModel(options, signal) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const script = fileURLToPath(new URL('fetch-model.mjs', import.meta.url));
    const child = fork(script, [JSON.stringify(options)], { detached: true, execArgv: [] });
    const stop = () => killGroup(child.pid, 'SIGKILL');
    signal.addEventListener('abort', stop, { once: true });
    /** @type {Result | undefined} */
    let result;
    child.on('message', (/** @type {any} */ message) => {
      if (message.level === 'warn') warn(message.message);
      else if (message.level !== undefined) step(`Model: ${message.message}`);
      else result = message;
    });
    child.once('error', reject);
    child.once('exit', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(signal.reason);
      else if (result === undefined) resolve({ failed: { message: `The process ended early (${killedBy ?? code}).` } });
      else {
        if (result.done) step(`Model: ${options.name} is there and verified (${seconds(began)})`);
        resolve(result);
      }
    });
  });
}

/** @param {string} model @param {Result['failed']} failed */
function failure(model, failed) {
  const advice =
    failed?.code === 'model_unreachable'
      ? 'Check the network, or name a mirror (MODEL_BASE_URL), or try without real weights: MODEL=resnet50-demo npm start'
      : '`npm run models -- list` shows what there is; docs/configuration.md describes MODEL and MODELS_DIR.';
  return new StepError(`The model ${model} cannot be had: ${failed?.message ?? 'no reason was given'}`, advice);
}
