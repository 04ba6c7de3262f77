/** A result's link: shown, copied, and handed to other programs where the browser can. */
import { h } from '../../app/dom.js';
import { icon } from '../../app/icons.js';
import { copyButton } from '../controls/copy-button.js';
import { isReachableByOthers, linkLifetime, resultLink } from './share-link.js';

export interface ShareOptions {
  readonly id: string;
  /** The first label, for the line that goes with the link; absent where there is none. */
  readonly label?: string | undefined;
  /** Whether the service asks for a key: the reader needs one, too. */
  readonly needsKey?: boolean | undefined;
}

export function shareView(host: HTMLElement, { id, label, needsKey = false }: ShareOptions): void {
  const link = resultLink(location, id);
  const shown = h('input', {
    type: 'text',
    readOnly: true,
    value: link,
    spellcheck: false,
    ariaLabel: 'Link to this result',
  });
  shown.addEventListener('focus', () => {
    shown.select();
  });
  const notes = [linkLifetime];
  if (needsKey) notes.push('Who opens it needs the same key: each sees its own results only.');
  if (!isReachableByOthers(location.hostname)) notes.push('This address works on this machine only.');
  const copy = copyButton({
    label: 'Copy link',
    icon: 'link',
    text: () => link,
    select: () => {
      shown.select();
    },
  });
  host.append(
    h('div', { className: 'share' }, shown, copy, shareButton({ title: label ?? 'A result of Quintet', url: link })),
    h('p', { className: 'quiet small' }, notes.join(' ')),
  );
}

/** Phones have a sheet of their own; where there is none, or no use for it, there is no button. */
function shareButton(data: ShareData): HTMLElement | undefined {
  if (!('canShare' in navigator) || !navigator.canShare(data)) return undefined;
  const button = h('button', { type: 'button' }, icon('share'), 'Share…');
  button.addEventListener('click', () => {
    // Closing the sheet is no failure, and what else goes wrong there the sheet has said itself.
    navigator.share(data).catch(() => undefined);
  });
  return button;
}
