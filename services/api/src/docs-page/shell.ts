/** What is around every view of the page (packages/web/src/main.ts): its name, the way to the others, the colour scheme. */
import { markup, type Html } from './html.js';

/** As packages/web/src/app/icons.ts has them. */
const icons = {
  bars: ['M4 5h16', 'M4 9.7h11', 'M4 14.4h7', 'M4 19h4'],
  auto: ['M12 3a9 9 0 1 0 0 18z', 'M12 3a9 9 0 0 1 0 18'],
  light: [
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8',
    ...['M12 2v2', 'M12 20v2', 'M4.9 4.9l1.4 1.4', 'M17.7 17.7l1.4 1.4'],
    ...['M2 12h2', 'M20 12h2', 'M4.9 19.1l1.4-1.4', 'M17.7 6.3l1.4-1.4'],
  ],
  dark: ['M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5'],
} as const;

function icon(name: keyof typeof icons): Html {
  return markup`<svg viewBox="0 0 24 24" class="icon" data-icon="${name}" aria-hidden="true">${icons[name].map(
    (path) => markup`<path d="${path}" />`,
  )}</svg>`;
}

/** The button that switches colours needs the script, which shows it; it has the three icons, of which one is seen. */
export function shellView(title: string): Html {
  return markup`<a class="skip" href="#content">Skip to content</a>
    <header class="shell">
      <a class="brand" href="./#/">${icon('bars')}<span>${title}</span></a>
      <nav class="tabs" aria-label="Views">
        <a href="./#/">Classify</a>
        <a href="./#/operations">Operations</a>
        <a href="docs" aria-current="page">API</a>
      </nav>
      <span></span>
      <button type="button" class="icon-button" id="theme" hidden>${icon('auto')}${icon('light')}${icon('dark')}</button>
    </header>`;
}
