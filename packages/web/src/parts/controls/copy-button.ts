/**
 * A button that copies: idle → copied | refused → idle after a while. Where it is refused the text is selected
 * instead, for the keyboard to copy. Both labels are there from the start, one above the other, so that nothing moves.
 */
import { h } from '../../app/dom.js';
import { icon, type IconName } from '../../app/icons.js';
import { copyText } from './copy-text.js';

export interface CopyButtonOptions {
  readonly label: string;
  readonly icon?: IconName;
  readonly text: () => string;
  /** Selects the text where it is shown, for where the browser lets no page copy. */
  readonly select?: () => void;
}

const shownMs = { copied: 2000, refused: 6000 };

export function copyButton({ label, icon: name, text, select }: CopyButtonOptions): HTMLElement {
  const idle = h('span', { className: 'copy-idle' }, name !== undefined && icon(name), label);
  const done = h('span', { className: 'copy-done', ariaHidden: 'true' }, icon('check'), 'Copied');
  const copyKeys = /mac|iphone|ipad/i.test(navigator.userAgent) ? '⌘C' : 'Ctrl+C';
  const button = h('button', { type: 'button', className: 'copy' }, idle, done);
  const announcement = h('span', { className: 'copy-said', role: 'status' });
  let timer: number | undefined;

  const tell = (state: 'idle' | 'copied' | 'refused', message: string): void => {
    button.dataset['state'] = state;
    announcement.textContent = message;
    window.clearTimeout(timer);
    if (state === 'idle') return;
    timer = window.setTimeout(() => {
      tell('idle', '');
    }, shownMs[state]);
  };

  button.addEventListener('click', () => {
    void copyText(text()).then((isCopied) => {
      if (isCopied) {
        tell('copied', 'Copied');
        return;
      }
      select?.();
      tell('refused', select === undefined ? 'This browser lets no page copy.' : `Press ${copyKeys} to copy.`);
    });
  });
  return h('span', { className: 'copy-button' }, button, announcement);
}
