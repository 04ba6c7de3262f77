/** Gets the model before anything starts: the one that was named and no other, or else the best that can be had. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { StepError, seconds, step, warn } from './report.mjs';
import { killGroup } from './run-command.mjs';

/** @typedef {{ name: string, weights: string, line: string }} Chosen `line`: its name, and why it is that one */

/**
 * @param {{ model: string | undefined, modelNamed: boolean, modelsDir: string, baseUrl: string | undefined, signal: AbortSignal }} options
 * @returns {Promise<Chosen>} the model to serve
 */
export async function prepareModel({ model, modelNamed, modelsDir, baseUrl, signal }) {
  const name = modelNamed ? model : undefined;
  const { done, failed } = await fetchModel({ name, modelsDir, baseUrl }, signal);
  if (done) return { ...done, line: done.line ?? `${done.name}, which MODEL names` };
  const advice =
    failed?.code === 'model_unreachable'
      ? 'Check the network, or name a mirror (MODEL_BASE_URL), or start without MODEL: what can be had is served then.'
      : '`npm run models -- list` shows what there is; docs/configuration.md describes MODEL and MODELS_DIR.';
  const what = name === undefined ? 'No model can be had' : `The model ${name} cannot be had`;
  throw new StepError(`${what}: ${failed?.message ?? 'no reason was given'}`, advice);
}

/**
 * @typedef {{ done?: Omit<Chosen, 'line'> & { line?: string }, failed?: { code?: string, message: string } }} Result
 * @param {{ name: string | undefined, modelsDir: string, baseUrl: string | undefined }} options
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
    /** @type {string | undefined} */
    let line;
    child.on('message', (/** @type {any} */ message) => {
      // What the ladder says last is which model it came to, and why.
      line = /^serving (.*)/.exec(message.message ?? '')?.[1] ?? line;
      if (message.level === 'warn') warn(message.message);
      else if (message.level !== undefined) step(`Model: ${message.message}`);
      else {
        result = message;
        // A name server that is silent would keep it: look-ups cannot be broken off, and the end of a process waits for them.
        stop();
      }
    });
    child.once('error', reject);
    child.once('exit', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(signal.reason);
      else if (result === undefined) resolve({ failed: { message: `The process ended early (${killedBy ?? code}).` } });
      else {
        // The default says by itself which it is and why.
        if (result.done && options.name) step(`Model: ${options.name} is there and verified (${seconds(began)})`);
        resolve(result.done && line !== undefined ? { done: { ...result.done, line } } : result);
      }
    });
  });
}
