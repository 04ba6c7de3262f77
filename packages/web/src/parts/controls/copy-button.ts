/**
 * A button that copies: idle → copied | refused → idle after a while. Where it is refused the text is selected
 * instead, for the keyboard to copy. Both labels are there from the start, one above the other, so that nothing moves.
 */
import { h } from '../../app/dom.js';
import { icon, type IconName } from '../../app/icons.js';

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

/**
 * Text to the clipboard, also where the browser has no Clipboard API: it hides it from pages that came by plain http
 * from another machine, which is how a service in one's own network is mostly reached. Resolves to whether it is there.
 * Call it from what a person did: browsers refuse it otherwise.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.readOnly = true;
  area.className = 'visually-hidden';
  // Behind an open dialog nothing can be selected.
  (focused?.closest('dialog') ?? document.body).append(area);
  area.select();
  try {
    // The only way that is left; no browser has dropped it.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    area.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }
}
