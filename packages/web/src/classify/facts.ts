/**
 * What answered: the model, its version and weights, on what it ran, whether it had to, and how long each phase took.
 */
import type { Job } from '@quintet/client';
import { h } from '../app/dom.js';
import { formatMs, shortVersion } from './format.js';

type Timing = NonNullable<Job['timing_ms']>;

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

interface Phase {
  readonly name: string;
  readonly ms: number;
  readonly series: number;
}

/**
 * The phases of a job in their order. What no phase has (hand-overs between the services) is its own, where it counts.
 */
export function phasesOf(timing: Timing): Phase[] {
  const phases = [
    { name: 'queue', ms: timing.queue, series: 1 },
    { name: 'fetch', ms: timing.fetch, series: 2 },
    { name: 'decode and resize', ms: timing.preprocess, series: 3 },
    { name: 'batch', ms: timing.batch_wait, series: 4 },
    { name: 'inference', ms: timing.inference, series: 5 },
  ];
  const rest = timing.total - phases.reduce((sum, { ms }) => sum + ms, 0);
  if (rest >= 0.05) phases.push({ name: 'between', ms: rest, series: 0 });
  return phases;
}

/** A stacked bar, a legend, and the same as one sentence for whoever does not see it. */
function timingBar(timing: Timing): HTMLElement {
  const phases = phasesOf(timing);
  const bar = h('div', { className: 'timing-bar', role: 'img' });
  bar.setAttribute(
    'aria-label',
    `Time by phase: ${phases.map(({ name, ms }) => `${name} ${formatMs(ms)}`).join(', ')}`,
  );
  for (const { name, ms, series } of phases) {
    const part = h('span', { className: `series-${series}`, title: `${name}: ${formatMs(ms)}` });
    part.style.setProperty('flex-grow', String(ms));
    bar.append(part);
  }
  const legend = h('ul', { className: 'legend small', ariaHidden: 'true' });
  for (const { name, ms, series } of phases) {
    legend.append(
      h(
        'li',
        {},
        h('span', { className: `swatch series-${series}` }),
        h('span', { className: 'quiet' }, name),
        h('span', { className: 'numbers' }, formatMs(ms)),
      ),
    );
  }
  return h('div', { className: 'timing' }, bar, legend);
}
