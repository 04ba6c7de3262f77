/** A result's link: shown, copied, and handed to other programs where the browser can; with a small picture inside, where that is wanted. */
import { h } from '../../app/dom.js';
import { icon } from '../../app/icons.js';
import { copyButton } from '../controls/copy-button.js';
import { makeThumbnail } from '../history/thumbnail.js';
import { isReachableByOthers, linkLifetime, resultLink } from './share-link.js';
import { mostSharedBytes, writeSharedPicture } from './shared-picture.js';

export interface ShareOptions {
  readonly id: string;
  /** The first label, for the line that goes with the link; absent where there is none. */
  readonly label?: string | undefined;
  /** Whether the service asks for a key: the reader needs one, too. */
  readonly needsKey?: boolean | undefined;
  /** The picture, or a small one; undefined where this page has none. */
  readonly picture: () => Blob | undefined;
}

const pictureMeans =
  'Whoever has the link sees the picture, small, in place of none. It is in the link itself and nowhere else: the service stores nothing. ' +
  'The link becomes long.';
const pictureCannot = 'This browser has no picture here that it could make small, so the link has none.';

export function shareView(host: HTMLElement, { id, label, needsKey = false, picture }: ShareOptions): void {
  const plain = resultLink(location, id);
  const shown = h('input', {
    type: 'text',
    readOnly: true,
    value: plain,
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
    text: () => shown.value,
    select: () => {
      shown.select();
    },
  });
  const withPicture = h('input', { type: 'checkbox' });
  const explained = h('p', { className: 'quiet small', id: `share-picture-${id}`, role: 'status' }, pictureMeans);
  withPicture.setAttribute('aria-describedby', explained.id);
  withPicture.addEventListener('change', () => {
    const isWanted = withPicture.checked;
    explained.textContent = pictureMeans;
    shown.value = plain;
    if (!isWanted) return;
    void inLink(picture()).then((text) => {
      if (!withPicture.checked) return;
      if (text === undefined) {
        withPicture.checked = false;
        explained.textContent = pictureCannot;
      } else shown.value = resultLink(location, id, text);
    });
  });
  host.append(
    h(
      'div',
      { className: 'share' },
      shown,
      copy,
      shareButton(() => ({ title: label ?? 'A result of Quintet', url: shown.value })),
    ),
    h('label', { className: 'share-picture' }, withPicture, 'with a small picture'),
    explained,
    h('p', { className: 'quiet small' }, notes.join(' ')),
  );
}

async function inLink(picture: Blob | undefined): Promise<string | undefined> {
  const small = picture === undefined ? undefined : await makeThumbnail(picture, mostSharedBytes);
  return small === undefined ? undefined : writeSharedPicture(small);
}

/** Phones have a sheet of their own; where there is none, or no use for it, there is no button. */
function shareButton(data: () => ShareData): HTMLElement | undefined {
  if (!('canShare' in navigator) || !navigator.canShare(data())) return undefined;
  const button = h('button', { type: 'button' }, icon('share'), 'Share…');
  button.addEventListener('click', () => {
    // Closing the sheet is no failure, and what else goes wrong there the sheet has said itself.
    navigator.share(data()).catch(() => undefined);
  });
  return button;
}
