/**
 * The picture of an item in a frame of fixed size, with what the network looked at laid over it.
 *
 * The heat map covers `region` of the upright picture; browsers show pictures upright, so the fractions are those of the shown
 * one. Formats that browsers do not show (HEIC, most TIFF), and pictures that are not here, get a placeholder.
 */
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import type { Explanation } from '../api/types.js';
import type { Item } from './item.js';

export interface Picture {
  readonly element: HTMLElement;
  show(item: Pick<Item, 'name' | 'preview' | 'source'>): void;
  /** Undefined takes it away. */
  overlay(map: { readonly address: string; readonly region: Explanation['region'] } | undefined): void;
  /** 0 to 1. */
  strength(opacity: number): void;
}

export function picture(): Picture {
  const image = h('img', { className: 'picture-image', decoding: 'async', hidden: true });
  const heat = h('img', { className: 'picture-heat', alt: '', hidden: true });
  const holder = h('div', { className: 'picture', hidden: true }, image, heat);
  const kind = h('span', { className: 'small' });
  const placeholder = h('div', { className: 'placeholder' }, icon('picture'), kind);
  const element = h('div', { className: 'frame' }, placeholder, holder);
  let shown: string | undefined;
  const reveal = (isShown: boolean): void => {
    holder.hidden = image.hidden = !isShown;
    placeholder.hidden = isShown;
  };
  image.addEventListener('load', () => {
    holder.style.setProperty('--ratio', String(image.naturalWidth / Math.max(1, image.naturalHeight)));
    // What is kept of an earlier picture is small, and shown at twice its size at most.
    holder.style.setProperty('max-width', `${image.naturalWidth * 2}px`);
    reveal(true);
  });
  image.addEventListener('error', () => {
    reveal(false);
  });
  return {
    element,
    show({ name, preview, source }) {
      kind.textContent = placeholderText(name, source.kind);
      image.alt = name;
      if (preview === shown) return;
      shown = preview;
      if (preview === undefined) reveal(false);
      else image.src = preview;
    },
    overlay(map) {
      heat.hidden = map === undefined;
      if (map === undefined) return;
      heat.src = map.address;
      for (const side of ['left', 'top', 'width', 'height'] as const) {
        heat.style.setProperty(side, `${map.region[side] * 100}%`);
      }
    },
    strength(opacity) {
      heat.style.setProperty('opacity', String(opacity));
    },
  };
}

/** What stands where there is nothing to see. */
export function placeholderText(name: string, kind: Item['source']['kind']): string {
  if (kind === 'url') return 'Fetched by the service';
  if (kind === 'gone') return 'The picture is not kept';
  const suffix = /\.([a-z0-9]{2,5})$/i.exec(name)?.[1];
  return suffix === undefined ? 'No preview' : `${suffix.toUpperCase()} · no preview`;
}
