/** The page's icons: strokes on a 24 px grid, in the colour of the text around them, hidden from screen readers. */
import { svg } from './dom.js';

const paths = {
  bars: ['M4 5h16', 'M4 9.7h11', 'M4 14.4h7', 'M4 19h4'],
  auto: ['M12 3a9 9 0 1 0 0 18z', 'M12 3a9 9 0 0 1 0 18'],
  light: [
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8',
    'M12 2v2',
    'M12 20v2',
    'M4.9 4.9l1.4 1.4',
    'M17.7 17.7l1.4 1.4',
    'M2 12h2',
    'M20 12h2',
    'M4.9 19.1l1.4-1.4',
    'M17.7 6.3l1.4-1.4',
  ],
  dark: ['M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5'],
  file: ['M6 3h8l5 5v13H6z', 'M13.5 3v5.5H19'],
  picture: ['M4 5h16v14H4z', 'M4 16l5-5 4 4 2.5-2.5L20 17', 'M15.5 9.2h.01'],
  folder: ['M3 6h6l2 2.5h10V19H3z'],
  link: ['M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7', 'M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17'],
  camera: ['M4 8h3l1.5-2.5h7L17 8h3v11H4z', 'M12 10a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4'],
  close: ['M6 6l12 12', 'M18 6L6 18'],
  retry: ['M19 12a7 7 0 1 1-2.2-5.1', 'M19.5 3.5v4h-4'],
  download: ['M12 4v11', 'M7.5 10.5L12 15l4.5-4.5', 'M5 20h14'],
  eye: [
    'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12',
    'M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6',
  ],
  check: ['M5 12.5l4.5 4.5L19 7'],
  warning: ['M12 4L2.8 20h18.4z', 'M12 10v4.5', 'M12 17.2h.01'],
  back: ['M19 12H5', 'M11 6l-6 6 6 6'],
  share: ['M12 15V4', 'M8 7.5L12 3.5l4 4', 'M6 12H5v8h14v-8h-1'],
  bin: ['M4 7h16', 'M9 7V4h6v3', 'M6 7l1 13h10l1-13'],
  forward: ['M5 12h14', 'M13 6l6 6-6 6'],
  grid: ['M4 4h6v6H4z', 'M14 4h6v6h-6z', 'M4 14h6v6H4z', 'M14 14h6v6h-6z'],
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName): SVGSVGElement {
  const shapes = paths[name].map((d) => svg('path', { d }));
  return svg('svg', { viewBox: '0 0 24 24', class: `icon icon-${name}`, 'aria-hidden': 'true' }, ...shapes);
}
