/** Pictures to try the service with, for people who have none at hand: a click classifies one. */
import { h } from '../app/dom.js';

/** Of examples/pictures. The build names each by its content, and the API serves them. The robot is none of ImageNet's classes. */
const pictures: readonly (readonly [name: string, address: URL])[] = [
  ['wall clock', new URL('../../../../examples/pictures/wall-clock.jpg', import.meta.url)],
  ['balloons', new URL('../../../../examples/pictures/balloon.jpg', import.meta.url)],
  ['pinwheel', new URL('../../../../examples/pictures/pinwheel.png', import.meta.url)],
  ['lighthouse', new URL('../../../../examples/pictures/lighthouse.jpg', import.meta.url)],
  ['umbrella', new URL('../../../../examples/pictures/umbrella.jpg', import.meta.url)],
  ['ladybug', new URL('../../../../examples/pictures/ladybug.jpg', import.meta.url)],
  ['traffic light', new URL('../../../../examples/pictures/traffic-light.jpg', import.meta.url)],
  ['robot', new URL('../../../../examples/pictures/robot.png', import.meta.url)],
];

export interface ExamplesOptions {
  readonly onChosen: (picture: File) => void;
  /** The picture did not come, for a reason that the person can read. */
  readonly onFailure: (reason: string) => void;
}

export function examples({ onChosen, onFailure }: ExamplesOptions): HTMLElement {
  const choose = async (name: string, address: URL): Promise<void> => {
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const blob = await response.blob();
      onChosen(new File([blob], `${name}.${blob.type === 'image/png' ? 'png' : 'jpg'}`, { type: blob.type }));
    } catch {
      onFailure(`The example “${name}” could not be loaded. Is the service reachable?`);
    }
  };
  const entries = pictures.map(([name, address]) =>
    h(
      'li',
      {},
      h(
        'button',
        { type: 'button', title: name, onclick: () => void choose(name, address) },
        // Lazy comes first: an address that is set before it is loaded at once.
        h('img', { loading: 'lazy', alt: `Example: ${name}`, width: 64, height: 64, src: address.href }),
      ),
    ),
  );
  return h(
    'section',
    { className: 'examples', ariaLabel: 'Examples' },
    h('p', { className: 'quiet' }, 'No picture at hand? Take one of these.'),
    h('ul', {}, ...entries),
  );
}
