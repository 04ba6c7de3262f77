/** "Where did it look?": the switch, the strength of the heat map, and what it shows; the map itself lies over the picture. */
import { failureNote, toFailure } from '../api/failure.js';
import type { Failure } from '../api/problem-words.js';
import { service } from '../api/service.js';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { failureOf, jobOf, type Item } from './item.js';
import type { Picture } from './picture.js';

export interface ExplainControl {
  readonly element: HTMLElement;
  /** `isPossible`: the model can be explained. */
  show(item: Item, isPossible: boolean): void;
}

export interface ExplainActions {
  /** Asks for the explanation of a result that has none. */
  readonly explain: (id: string) => void;
  /** Whether pictures to come are explained from the start. */
  readonly onToggle: (isOn: boolean) => void;
}

const initialStrength = 80;

export function explainControl(picture: Picture, actions: ExplainActions, isOn: boolean): ExplainControl {
  const toggle = h('input', { type: 'checkbox', role: 'switch', checked: isOn, className: 'switch' });
  const label = h('label', { className: 'toggle' }, toggle, icon('eye'), h('span', {}, 'Where did it look?'));
  const slider = h('input', {
    type: 'range',
    min: '0',
    max: '100',
    value: String(initialStrength),
    ariaLabel: 'Strength of the heat map',
  });
  const strength = h('label', { className: 'strength small quiet' }, 'faint', slider, 'strong');
  const said = h('p', { className: 'small quiet explain-said', role: 'status' });
  const failed = h('div');
  const element = h(
    'div',
    { className: 'explain' },
    h('div', { className: 'explain-row' }, label, strength),
    said,
    failed,
  );
  let current: Item | undefined;
  let map: { readonly job: string; readonly address: Promise<string> } | undefined;

  const fail = (failure: Failure | undefined): void => {
    failed.replaceChildren(...(failure === undefined ? [] : [failureNote(failure)]));
  };
  const update = async (): Promise<void> => {
    const item = current;
    if (item === undefined) return;
    const job = jobOf(item);
    const { id, explanation } = job ?? {};
    const isShown = toggle.checked && explanation !== undefined && id !== undefined;
    strength.classList.toggle('inactive', !isShown);
    slider.disabled = !isShown;
    fail(toggle.checked && typeof item.explaining === 'object' ? item.explaining : undefined);
    said.textContent = toggle.checked ? textOf(item) : '';
    if (!isShown) {
      picture.overlay(undefined);
      return;
    }
    if (map?.job !== id) map = { job: id, address: loadMap(id) };
    try {
      const address = await map.address;
      if (current === item && toggle.checked) picture.overlay({ address, region: explanation.region });
    } catch (error) {
      fail(toFailure(error));
    }
  };
  toggle.addEventListener('change', () => {
    actions.onToggle(toggle.checked);
    if (toggle.checked && current !== undefined && needsAsking(current)) actions.explain(current.id);
    void update();
  });
  slider.addEventListener('input', () => {
    picture.strength(slider.valueAsNumber / 100);
  });
  picture.strength(initialStrength / 100);
  return {
    element,
    show(item, isPossible) {
      const hasFailed = failureOf(item) !== undefined;
      element.hidden = hasFailed || (!isPossible && jobOf(item)?.explanation === undefined);
      const isLost = item.source.kind === 'gone' && jobOf(item)?.explanation === undefined;
      toggle.disabled = isLost;
      label.title = isLost ? 'The picture is no longer in this page: choose it again' : '';
      current = item;
      void update();
    },
  };
}

function needsAsking(item: Item): boolean {
  return jobOf(item)?.status === 'succeeded' && jobOf(item)?.explanation === undefined && item.source.kind !== 'gone';
}

function textOf(item: Item): string {
  const job = jobOf(item);
  if (item.explaining === 'busy') return 'Asking the network again…';
  if (job?.explanation !== undefined) return `Bright where it found “${job.explanation.label}”.`;
  return job?.status === 'succeeded' ? '' : 'Shown with the result.';
}

async function loadMap(job: string): Promise<string> {
  const png = new Uint8Array(await service().explanation(job));
  return URL.createObjectURL(new Blob([png], { type: 'image/png' }));
}
