/** Which model answers, and what there is to know of it before its answers are believed. */
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { plural, shortVersion } from './format.js';
import { isDone, jobOf, type Item } from './item.js';
import type { Served } from './served.js';

export interface ModelBar {
  readonly element: HTMLElement;
  /** The banners: demo weights, no worker. */
  readonly notices: HTMLElement;
  /** The pictures have changed, or how far they are. */
  update(items: readonly Item[]): void;
}

/**
 * Of the models that pictures wait for, or that the next one would be sent to where there is none yet, those that no worker
 * serves. A picture that has its result waits for none, nor does one that a worker has taken.
 */
export function unservedModels(
  served: Pick<Served, 'find'>,
  chosen: string | undefined,
  items: readonly Item[],
): string[] {
  const waiting = items.filter((item) => !isDone(item) && jobOf(item)?.status !== 'processing');
  const names = items.length === 0 ? [chosen] : waiting.map((item) => jobOf(item)?.model.name ?? item.model);
  const models = [...new Set(names)].map((name) => served.find(name));
  return [...new Set(models.flatMap((model) => (model?.workers.length === 0 ? [model.name] : [])))];
}

/** Whether the list says that no worker serves a model of which a worker has an answer, or makes one now. */
export function isContradicted(served: Pick<Served, 'find'>, items: readonly Item[]): boolean {
  const worked = items
    .flatMap((item) => jobOf(item) ?? [])
    .filter(({ status }) => status === 'processing' || status === 'succeeded');
  return worked.some(({ model }) => served.find(model.name)?.workers.length === 0);
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
  let items: readonly Item[] = [];
  let shownNotices = '';

  const showNotices = (): void => {
    const { name, weights } = served.find(chosen) ?? {};
    const unserved = unservedModels(served, chosen, items);
    const wanted = JSON.stringify([name, weights, unserved]);
    if (wanted === shownNotices) return;
    shownNotices = wanted;
    notices.replaceChildren(
      ...(name !== undefined && weights === 'demo' ? [demoBanner(name)] : []),
      ...unserved.map((model) =>
        banner('No worker is running', `Pictures wait in the queue until one that serves ${model} has started.`),
      ),
    );
  };

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
    showNotices();
    if (model === undefined) return;
    const { name, version, workers } = model;
    about.replaceChildren(
      `Answered by ${name}`,
      ...(version === undefined ? [] : [' ', h('code', { title: version }, shortVersion(version))]),
      workers.length === 0
        ? ''
        : ` on ${plural(workers.length, 'worker')} (${[...new Set(workers.map(({ device }) => device))].join(', ')})`,
    );
  };
  select.addEventListener('change', () => {
    chosen = select.value;
    onChoose(chosen);
    show();
  });
  served.onChange(show);
  return {
    element: h('div', { className: 'model-bar' }, chooser, about),
    notices,
    update(next) {
      items = next;
      showNotices();
    },
  };
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
