/**
 * "Wrong?": what a picture really shows, by one click on another of its labels or by a text of one's own.
 *
 *   asking (the labels as buttons) ⇄ writing (a field besides) → saving → told (with "Undo") → saving → asking
 *
 * A failure goes back to where it came from, and says why. Nothing else of the page is changed here: `save` does that.
 */
import type { Job, Prediction } from '@quintet/client';
import { h } from '../../app/dom.js';
import { icon } from '../../app/icons.js';

/** As `PUT /v1/jobs/{id}/correction` takes it. */
export interface CorrectionRequest {
  readonly label: string;
  /** Tells classes of one name apart. */
  readonly index?: number;
}

export interface WrongOptions {
  readonly job: Job;
  /** Undefined takes the correction back. Resolves to the job as it is then. */
  readonly save: (request: CorrectionRequest | undefined) => Promise<Job>;
  /** The labels of the model, for completion; may reject. */
  readonly labels: () => Promise<readonly string[]>;
  readonly explain: (error: unknown) => HTMLElement;
}

/** As the service has it. */
const longestLabel = 200;
const choices = 4;

let made = 0;

/** Returns what it is given later states of the job by. */
export function wrongView(host: HTMLElement, { job, save, labels, explain }: WrongOptions): (job: Job) => void {
  const said = h('p', { className: 'visually-hidden', role: 'status' });
  const body = h('div', { className: 'wrong-body' });
  const failed = h('div');
  host.append(h('section', { className: 'wrong', ariaLabel: 'Wrong?' }, body, said, failed));
  let current = job;
  let isSaving = false;

  const run = async (request: CorrectionRequest | undefined): Promise<void> => {
    const controls = [...body.querySelectorAll<HTMLButtonElement | HTMLInputElement>('button, input')];
    for (const each of controls) each.disabled = true;
    failed.replaceChildren();
    isSaving = true;
    try {
      current = await save(request);
      show();
      const { correction } = current;
      said.textContent = correction === undefined ? 'Taken back.' : `Noted: ${correction.label}.`;
      body.querySelector('button')?.focus({ preventScroll: true });
    } catch (error) {
      for (const each of controls) each.disabled = false;
      failed.replaceChildren(explain(error));
    } finally {
      isSaving = false;
    }
  };

  const told = (label: string): void => {
    const undo = h('button', { type: 'button', onclick: () => void run(undefined) }, icon('retry'), 'Undo');
    body.replaceChildren(
      h('p', { className: 'wrong-told' }, icon('check'), h('span', {}, 'You said: ', h('strong', {}, label))),
      undo,
    );
  };

  const ask = (): void => {
    const buttons = othersOf(current).map(({ label, index }) =>
      h('button', { type: 'button', className: 'wrong-label', onclick: () => void run({ label, index }) }, label),
    );
    const form = ownText(labels, (label) => void run({ label }));
    const other = h('button', { type: 'button', className: 'plain' }, 'Something else…');
    other.setAttribute('aria-expanded', 'false');
    other.addEventListener('click', () => {
      form.element.hidden = !form.element.hidden;
      other.setAttribute('aria-expanded', String(!form.element.hidden));
      if (!form.element.hidden) form.open();
    });
    const heading = h('h3', {}, buttons.length === 0 ? 'Wrong?' : 'Wrong? It is:');
    body.replaceChildren(heading, ...buttons, other, form.element);
  };

  const show = (): void => {
    if (current.correction === undefined) ask();
    else told(current.correction.label);
  };
  show();
  return (later) => {
    if (isSaving || later.correction?.at === current.correction?.at) return;
    current = later;
    show();
  };
}

/** What it may have been instead: the other predictions, the most likely first. */
export function othersOf({ predictions = [] }: Pick<Job, 'predictions'>): readonly Prediction[] {
  return predictions.slice(1, 1 + choices);
}

function ownText(labels: WrongOptions['labels'], onText: (label: string) => void) {
  made += 1;
  const list = h('datalist', { id: `wrong-labels-${made}` });
  const field = h('input', {
    type: 'text',
    required: true,
    maxLength: longestLabel,
    ariaLabel: 'What it shows',
    placeholder: 'What it shows',
    autocomplete: 'off',
    autocapitalize: 'off',
  });
  field.setAttribute('list', list.id);
  const element = h(
    'form',
    { className: 'wrong-own', hidden: true },
    field,
    list,
    h('button', { type: 'submit', className: 'primary' }, 'Save'),
  );
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text !== '') onText(text);
    else field.focus();
  });
  let isAsked = false;
  return {
    element,
    open: (): void => {
      field.focus();
      if (isAsked) return;
      isAsked = true;
      labels().then(
        (all) => {
          // Classes of one name are one line: whoever means one of them clicks it above.
          list.append(...[...new Set(all)].map((label) => h('option', { value: label })));
        },
        () => {
          // It works without; the next one to open it asks again.
          isAsked = false;
        },
      );
    },
  };
}
