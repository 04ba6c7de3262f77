/**
 * A result's link: shown, copied, and handed to other programs where the browser can; with a small picture inside,
 * where that is wanted. And what the reader of a link is told about what is not there.
 */
import { h } from '../../app/dom.js';
import { icon } from '../../app/icons.js';
import { jobHash } from '../../app/router.js';
import { copyButton } from '../controls/copy-button.js';
import { makeThumbnail } from '../history/thumbnail.js';
import { mostSharedBytes, writeSharedPicture, type SharedPicture } from './shared-picture.js';

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

/**
 * The address of a result, on this origin and below the path at which this page is served; `picture` as
 * writeSharedPicture makes it.
 */
export function resultLink(page: Pick<URL, 'origin' | 'pathname'>, id: string, picture?: string): string {
  return `${page.origin}${page.pathname}${jobHash(id, picture)}`;
}

/** Whether others can open such a link at all: not one that leads to the reader's own machine. */
export function isReachableByOthers(hostname: string): boolean {
  return !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);
}

/** Beside the link. Results are kept for RESULT_TTL_SECONDS, which the page does not know: an operator sets it. */
const linkLifetime = 'The link works as long as the service keeps the result: a day, unless it is set up otherwise.';

/** Of the picture in a link, by how it is; nothing but the person who sent it vouches for it. */
export const pictureNotes: Readonly<Record<SharedPicture['kind'], string>> = {
  picture: 'The picture came with the link. The service did not keep it, and has not compared it with the result.',
  cut: 'The picture of this link is not complete: part of the link was lost on its way. The result is the right one.',
  refused: 'This link has a picture that this page would not have made, so it is not shown.',
};

/** Why there is no result at a link, by the code of the problem; undefined where the problem speaks for itself. */
export function whyNoResult(code: string): { readonly title: string; readonly text: string } | undefined {
  switch (code) {
    case 'job_not_found':
      return {
        title: 'This result is not there any more',
        text:
          'The service keeps results for a while only: a day, unless it is set up otherwise. It may also be a result of ' +
          'another key than yours: each sees its own. Classify the picture again to have a new one.',
      };
    case 'job_id_invalid':
      return {
        title: 'This link is not complete',
        text: 'Part of it was lost on its way. Copy it again from where it came from, to its very end.',
      };
    default:
      return undefined;
  }
}
