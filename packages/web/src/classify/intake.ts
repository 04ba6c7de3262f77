/** Where pictures come in: the drop area with its buttons, an address, and the window as a whole for dropping and pasting. */
import { pictureExtensions } from '@quintet/client';
import { h } from '../app/dom.js';
import { icon, type IconName } from '../app/icons.js';
import { addressesIn, fromFiles, fromTransfer, type Collected } from './collect.js';

export interface Intake {
  readonly element: HTMLElement;
  /** `strip`: small, over the pictures that are there. */
  setMode(mode: 'hero' | 'strip'): void;
  /** Where there is nothing else to go on with. */
  focus(): void;
}

export interface IntakeOptions {
  readonly onCollected: (collected: Collected) => void;
  /** Opens the camera. */
  readonly onCamera: () => void;
  /** Whether dropping and pasting is meant for this view now. */
  readonly isShown: () => boolean;
}

export function intake(options: IntakeOptions): Intake {
  const files = fileInput(false, options);
  const folder = fileInput(true, options);
  const button = (label: string, name: IconName, onclick: () => void, className = ''): HTMLButtonElement =>
    h('button', { type: 'button', className, onclick }, icon(name), h('span', {}, label));
  const choose = button(
    'Choose pictures',
    'picture',
    () => {
      files.click();
    },
    'primary',
  );
  const hero = h(
    'div',
    { className: 'drop-lead' },
    h(
      'div',
      { className: 'drop-art', ariaHidden: 'true' },
      ...[5, 4, 3, 2, 1].map((n) => h('span', { className: `art-${n}` })),
    ),
    h('p', { className: 'drop-title' }, 'Drop pictures here'),
    h('p', { className: 'quiet' }, 'one, several, or a whole folder; or paste one'),
  );
  const buttons = h(
    'div',
    { className: 'actions drop-actions' },
    choose,
    button('Choose a folder', 'folder', () => {
      folder.click();
    }),
    button('Use the camera', 'camera', options.onCamera),
  );
  const area = h('div', { className: 'drop-area' }, hero, buttons, addressForm(options), files, folder);
  area.addEventListener('click', ({ target }) => {
    if (target === area || (target instanceof Element && hero.contains(target))) files.click();
  });
  const element = h('section', { className: 'intake', ariaLabel: 'Add pictures' }, area, dropOverlay());
  listenToWindow(element, options);
  return {
    element,
    setMode(mode) {
      element.dataset['mode'] = mode;
    },
    focus() {
      choose.focus();
    },
  };
}

function fileInput(isFolder: boolean, { onCollected }: IntakeOptions): HTMLInputElement {
  const accept = isFolder ? {} : { accept: ['image/*', ...pictureExtensions.map((ending) => `.${ending}`)].join() };
  const label = isFolder ? 'A folder of pictures' : 'Pictures';
  const input = h('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    webkitdirectory: isFolder,
    ariaLabel: label,
    ...accept,
  });
  input.addEventListener('change', () => {
    onCollected(fromFiles(input.files ?? [], isFolder));
    // So that the same file can be chosen again.
    input.value = '';
  });
  return input;
}

function addressForm({ onCollected }: IntakeOptions): HTMLElement {
  const input = h('input', {
    type: 'url',
    name: 'address',
    required: true,
    placeholder: 'https://…',
    autocomplete: 'off',
    spellcheck: false,
    ariaLabel: 'Address of a picture',
    pattern: 'https?://.+',
    title: 'An address that begins with http:// or https://',
  });
  const form = h('form', { className: 'address' }, icon('link'), input, h('button', { type: 'submit' }, 'Fetch'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    onCollected({ files: [], urls: addressesIn(input.value), leftOut: 0 });
    input.value = '';
  });
  return form;
}

/** Over everything while something is dragged: the whole window takes it. */
function dropOverlay(): HTMLElement {
  return h('div', { className: 'drop-overlay', ariaHidden: 'true' }, h('p', {}, icon('picture'), 'Drop to classify'));
}

function listenToWindow(element: HTMLElement, { onCollected, isShown }: IntakeOptions): void {
  // Leaving an element for its child is a leave, too: what counts is whether more were entered than left.
  let depth = 0;
  const setDragging = (next: number): void => {
    depth = Math.max(0, next);
    element.classList.toggle('dragging', depth > 0);
  };
  const isMeant = ({ dataTransfer }: DragEvent): boolean =>
    isShown() && (dataTransfer?.types.some((type) => type === 'Files' || type === 'text/uri-list') ?? false);
  window.addEventListener('dragenter', (event) => {
    if (isMeant(event)) setDragging(depth + 1);
  });
  window.addEventListener('dragleave', (event) => {
    if (isMeant(event)) setDragging(depth - 1);
  });
  window.addEventListener('dragover', (event) => {
    if (!isMeant(event)) return;
    event.preventDefault();
    if (event.dataTransfer !== null) event.dataTransfer.dropEffect = 'copy';
  });
  window.addEventListener('drop', (event) => {
    setDragging(0);
    if (!isMeant(event) || event.dataTransfer === null) return;
    event.preventDefault();
    void fromTransfer(event.dataTransfer).then(onCollected);
  });
  window.addEventListener('paste', ({ clipboardData, target }) => {
    if (!isShown() || clipboardData === null) return;
    // An address that is pasted into the field for it stays there.
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
    if (isTyping && clipboardData.files.length === 0) return;
    void fromTransfer(clipboardData).then(onCollected);
  });
}
