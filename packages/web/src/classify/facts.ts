/** What answered: the model, its version and weights, on what it ran, and whether it had to. */
import { h } from '../app/dom.js';
import type { Job } from '../api/types.js';
import { formatMs, shortVersion } from './format.js';
import { timingBar } from './timing-bar.js';

/** `seconds`: from the choice of the picture to its result, as this page saw it. */
export function facts(job: Job, seconds: number | undefined): HTMLElement {
  const { model, timing_ms: timing, cache, device, batch_size: batchSize } = job;
  const version =
    model.version === undefined
      ? undefined
      : h('code', { title: model.version, className: 'version' }, shortVersion(model.version));
  const list = h('dl', { className: 'facts small' });
  const add = (term: string, ...value: readonly (Node | string | undefined)[]): void => {
    list.append(h('div', {}, h('dt', { className: 'quiet' }, term), h('dd', {}, ...value)));
  };
  add('Model', model.name, version === undefined ? undefined : ' ', version);
  if (model.weights !== undefined) add('Weights', model.weights === 'demo' ? 'demo, meaningless' : model.weights);
  if (device !== undefined)
    add('Ran on', batchSize !== undefined && batchSize > 1 ? `${device}, ${batchSize} at once` : device);
  if (timing !== undefined) add('Service', formatMs(timing.total));
  if (seconds !== undefined) add('From here', formatMs(seconds * 1000));
  if (cache !== undefined) {
    const text = cache === 'hit' ? 'the same picture was classified before' : 'the same picture was under way';
    add('From memory', text);
  }
  return h(
    'div',
    { className: 'facts-area' },
    timing === undefined || cache !== undefined ? undefined : timingBar(timing),
    list,
  );
}
