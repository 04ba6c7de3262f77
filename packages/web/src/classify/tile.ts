/** The compact card of one of many pictures: a button that opens the large one. */
import { formatScore } from '@quintet/client';
import { wordsFor } from '../api/problem-words.js';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { headlineOf } from '../app/score.js';
import { baseName } from './format.js';
import { failureOf, jobOf, phaseOf, type Item } from './item.js';
import { fileKind, placeholderText } from './picture.js';
import { statusText } from './texts.js';

export interface Tile {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  show(item: Item): void;
}

export function tile(onOpen: () => void): Tile {
  const image = h('img', { alt: '', decoding: 'async', loading: 'lazy', hidden: true });
  const kind = h('span', { className: 'small' });
  const placeholder = h('span', { className: 'placeholder' }, icon('picture'), icon('file'), kind);
  const label = h('span', { className: 'tile-label' });
  const score = h('span', { className: 'tile-score numbers' });
  const level = h('span', { className: 'tile-level' });
  const name = h('span', { className: 'tile-name small quiet' });
  const button = h(
    'button',
    { type: 'button', className: 'tile', onclick: onOpen },
    h('span', { className: 'tile-picture' }, placeholder, image),
    h('span', { className: 'tile-text' }, label, h('span', { className: 'tile-sure' }, level, score), name),
  );
  let shown: string | undefined;
  image.addEventListener('load', () => {
    image.hidden = false;
    placeholder.hidden = true;
  });
  return {
    element: h('li', {}, button),
    button,
    show(item) {
      const failure = failureOf(item);
      const { predictions: [top] = [], correction } = jobOf(item) ?? {};
      button.dataset['phase'] = phaseOf(item);
      kind.textContent = failure === undefined ? placeholderText(item.name, item.source.kind) : fileKind(item.name);
      label.textContent = labelOf(item);
      score.textContent = correction !== undefined ? 'corrected' : top === undefined ? '' : formatScore(top.score);
      level.style.setProperty('--level', String(levelOf(item)));
      name.textContent = baseName(item.name);
      button.title = `${item.name}: ${label.textContent}`;
      if (item.preview === shown || item.preview === undefined) return;
      shown = item.preview;
      // A picture that is lazy has to be shown before it is loaded.
      image.hidden = false;
      image.src = item.preview;
      image.addEventListener('error', () => {
        image.hidden = true;
      });
    },
  };
}

/** What the person says that it shows, else what the model says, else why or how far not. */
function labelOf(item: Item): string {
  const { predictions: [top] = [], correction } = jobOf(item) ?? {};
  const failure = failureOf(item);
  if (correction !== undefined) return correction.label;
  if (top !== undefined) return headlineOf(top);
  return failure === undefined ? statusText(item, performance.now()) : wordsFor(failure).title;
}

/** How full the line below the label is: what is sent, then the score of the result. */
function levelOf(item: Item): number {
  const { state } = item;
  if (state.kind === 'uploading') return state.fraction;
  return jobOf(item)?.predictions?.[0]?.score ?? 0;
}
