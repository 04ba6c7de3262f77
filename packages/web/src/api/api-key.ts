/**
 * The API key of this browser, where the service asks for one: kept until it is taken back, and asked for in a dialog.
 *
 * An answer 401 or 403 asks the person for a key, once for however many requests meet it, and these are sent again. A
 * person who closed the dialog is not asked again before they do something that needs a key: `askForKey` or
 * `mayAskForKey`.
 */
import type { Problem, QuintetError } from '@quintet/client';
import { h } from '../app/dom.js';

const item = 'quintet.key';
let kept: string | undefined;

export function storedKey(): string | undefined {
  try {
    return localStorage.getItem(item) ?? kept;
  } catch {
    return kept;
  }
}

function storeKey(key: string): void {
  try {
    localStorage.setItem(item, key);
  } catch {
    // A browser that keeps nothing (private windows of some) asks again after a reload.
    kept = key;
  }
}

let asking: Promise<boolean> | undefined;
let declined = false;

/** The person does something now, and may be asked again. */
export function mayAskForKey(): void {
  declined = false;
}

/** Asks after a refusal for lack of a key; resolves to whether the request should be sent again. */
export async function askAfter({ problem }: QuintetError): Promise<boolean> {
  return !declined && askForKey(problem);
}

/** Resolves to whether a key was given. `problem` says why one is needed. */
export function askForKey(problem?: Problem): Promise<boolean> {
  asking ??= openDialog(problem)
    .then((key) => {
      declined = key === undefined;
      if (key !== undefined) storeKey(key);
      return key !== undefined;
    })
    .finally(() => {
      asking = undefined;
    });
  return asking;
}

/** Resolves to the key, or to undefined where the person closed the dialog. */
function openDialog(problem?: Problem): Promise<string | undefined> {
  const input = h('input', {
    type: 'password',
    name: 'key',
    required: true,
    autocomplete: 'current-password',
    spellcheck: false,
    placeholder: 'qk_…',
    id: 'api-key',
  });
  const form = h(
    'form',
    { method: 'dialog', className: 'stack' },
    h('h2', { id: 'key-title' }, 'This service asks for an API key'),
    h('p', { className: 'quiet' }, reasonOf(problem)),
    h('label', { htmlFor: 'api-key', className: 'field' }, h('span', {}, 'API key'), input),
    h(
      'p',
      { className: 'actions' },
      h('button', { type: 'button', value: 'cancel' }, 'Not now'),
      h('button', { type: 'submit', value: 'use', className: 'primary' }, 'Use this key'),
    ),
  );
  const dialog = h('dialog', { className: 'dialog' }, form);
  dialog.setAttribute('aria-labelledby', 'key-title');
  form.querySelector('button[value="cancel"]')?.addEventListener('click', () => {
    dialog.close('cancel');
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const key = input.value.trim();
      dialog.remove();
      resolve(dialog.returnValue === 'use' && key !== '' ? key : undefined);
    });
  });
}

function reasonOf(problem: Problem | undefined): string {
  if (problem?.code === 'api_key_invalid') {
    return 'The key that this browser has is not known to the service, or no longer. Enter another.';
  }
  if (problem?.code === 'scope_missing') {
    return `The key that this browser has does not allow this. ${problem.detail ?? ''}`.trim();
  }
  return 'Whoever runs it can give you one. It stays in this browser and is sent to this service only.';
}
