/** The dialog that asks for an API key. */
import { h } from '../app/dom.js';
import type { Problem } from './types.js';

/** Resolves to the key, or to undefined where the person closed the dialog. */
export function openKeyDialog(problem?: Problem): Promise<string | undefined> {
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
