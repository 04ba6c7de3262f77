/**
 * The picture of an item in a frame of fixed size, with what the network looked at laid over it, and what it did not
 * see dimmed.
 *
 * The heat map covers `region` of the upright picture; browsers show pictures upright, so the fractions are those of
 * the shown one. The same holds for the crop. Formats that browsers do not show (HEIC, most TIFF), and pictures that
 * are not here, get a placeholder.
 */
import type { Job } from '@quintet/client';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import type { Item } from './item.js';
import type { Preprocess } from './served.js';

/** A part of a picture, in fractions of its width and height. */
export type Region = NonNullable<Job['explanation']>['region'];

export interface Picture {
  readonly element: HTMLElement;
  /** Says that the picture is shown with dimmed edges; empty while it is not. */
  readonly note: HTMLElement;
  show(item: Pick<Item, 'name' | 'preview' | 'source'>): void;
  /** Undefined takes it away. */
  overlay(map: { readonly address: string; readonly region: Region } | undefined): void;
  /** Dims what a model with this preprocessing does not see, where it is much; undefined: not known. */
  crop(preprocess: Preprocess | undefined): void;
  /** 0 to 1. */
  strength(opacity: number): void;
}

export function picture(): Picture {
  const image = h('img', { className: 'picture-image', decoding: 'async', hidden: true });
  const heat = h('img', { className: 'picture-heat', alt: '', hidden: true });
  const seen = h('div', { className: 'picture-crop', hidden: true });
  const holder = h('div', { className: 'picture', hidden: true }, image, heat, seen);
  const note = h('span', { className: 'crop-note' });
  const kind = h('span', { className: 'small' });
  const placeholder = h('div', { className: 'placeholder' }, icon('picture'), icon('file'), kind);
  const element = h('div', { className: 'frame' }, placeholder, holder);
  let shown: string | undefined;
  let preprocess: Preprocess | undefined;
  const dim = (): void => {
    seen.hidden = true;
    note.textContent = '';
    const { naturalWidth: width, naturalHeight: height } = image;
    if (preprocess === undefined || holder.hidden || width === 0) return;
    const region = cropRegion(width, height, preprocess);
    if (!isCropWorthShowing(region)) return;
    place(seen, region);
    seen.hidden = false;
    note.textContent = 'Dimmed: not seen by the model';
  };
  const reveal = (isShown: boolean): void => {
    holder.hidden = image.hidden = !isShown;
    placeholder.hidden = isShown;
    dim();
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
    note,
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
      place(heat, map.region);
    },
    crop(next) {
      if (next?.resize === preprocess?.resize && next?.crop === preprocess?.crop) return;
      preprocess = next;
      dim();
    },
    strength(opacity) {
      heat.style.setProperty('opacity', String(opacity));
    },
  };
}

function place({ style }: HTMLElement, region: Region): void {
  for (const side of ['left', 'top', 'width', 'height'] as const) style.setProperty(side, `${region[side] * 100}%`);
}

/** What is in its place where there is nothing to see. */
export function placeholderText(name: string, kind: Item['source']['kind']): string {
  if (kind === 'url') return 'Fetched by the service';
  if (kind === 'gone') return 'The picture is not kept';
  const suffix = fileKind(name);
  return suffix === '' ? 'No preview' : `${suffix} · no preview`;
}

/** `JPG`, or nothing where the name does not say. */
export function fileKind(name: string): string {
  return /\.([a-z0-9]{2,5})$/i.exec(name)?.[1]?.toUpperCase() ?? '';
}

/**
 * Which part of a picture the model sees, as the workers cut it out (services/worker/src/preprocess): the short side of
 * `width` × `height` becomes `resize` pixels, and a square of `crop` × `crop` is cut out of the middle. It differs from
 * the workers' by their rounding to whole pixels, less than one of `resize`. Which way the picture was turned does not
 * matter: its middle stays its middle.
 */
export function cropRegion(width: number, height: number, { resize, crop }: Preprocess): Region {
  const side = (Math.min(width, height) * crop) / resize;
  const share = { width: side / width, height: side / height };
  return { left: (1 - share.width) / 2, top: (1 - share.height) / 2, ...share };
}

/** Of the picture's area. A square picture keeps three quarters, which needs no word; a photo of 4:3 keeps less. */
const worthSaying = 2 / 3;

/** Whether so much is cut off that what the model did not see may matter. */
export function isCropWorthShowing({ width, height }: Region): boolean {
  return width * height < worthSaying;
}
