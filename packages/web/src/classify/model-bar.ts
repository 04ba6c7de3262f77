/** Which model answers, and what there is to know of it before its answers are believed. */
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { plural, shortVersion } from './format.js';
import type { Served } from './served.js';

export interface ModelBar {
  readonly element: HTMLElement;
  /** The banners: demo weights, no worker. */
  readonly notices: HTMLElement;
}

export function modelBar(served: Served, onChoose: (model: string | undefined) => void): ModelBar {
  const select = h('select', { ariaLabel: 'Model' });
  const chooser = h(
    'label',
    { className: 'model-choice', hidden: true },
    h('span', { className: 'quiet small' }, 'Model'),
    select,
  );
  const about = h('p', { className: 'quiet small model-about' });
  const notices = h('div', { className: 'notices' });
  let chosen: string | undefined;

  const show = (): void => {
    const names = served.live.map(({ name }) => name);
    if (chosen !== undefined && !names.includes(chosen)) chosen = undefined;
    const wanted = names.join(' ');
    if (select.dataset['names'] !== wanted) {
      select.dataset['names'] = wanted;
      select.replaceChildren(...names.map((name) => h('option', { value: name }, name)));
    }
    chooser.hidden = names.length < 2;
    select.value = chosen ?? served.defaultName ?? '';
    const model = served.find(chosen);
    if (model === undefined) return;
    const { name, version, weights, workers } = model;
    about.replaceChildren(
      `Answered by ${name}`,
      ...(version === undefined ? [] : [' ', h('code', { title: version }, shortVersion(version))]),
      workers.length === 0
        ? ''
        : ` on ${plural(workers.length, 'worker')} (${[...new Set(workers.map(({ device }) => device))].join(', ')})`,
    );
    notices.replaceChildren(
      ...(weights === 'demo' ? [demoBanner(name)] : []),
      ...(workers.length === 0
        ? [banner('No worker is running', `Pictures wait in the queue until one that serves ${name} has started.`)]
        : []),
    );
  };
  select.addEventListener('change', () => {
    chosen = select.value;
    onChoose(chosen);
    show();
  });
  served.onChange(show);
  return { element: h('div', { className: 'model-bar' }, chooser, about), notices };
}

function demoBanner(name: string): HTMLElement {
  return banner(
    'Demo weights: the answers mean nothing',
    `${name} has generated weights, for trying out the service. What it says of a picture is as good as chance.`,
  );
}

function banner(title: string, text: string): HTMLElement {
  return h(
    'div',
    { className: 'banner warn' },
    icon('warning'),
    h('div', {}, h('p', { className: 'banner-title' }, title), h('p', {}, text)),
  );
}
