/**
 * What is around every view: the name, the tabs, the theme, whether the service answers.
 *
 * The classify view is made once and stays (hidden) while another is shown, since pictures may be on their way in it.
 * The others live from being chosen to being left, when the signal that they got is aborted.
 */
import { onConnection, watchNetwork } from '../api/connection.js';
import { classifyView } from '../classify/view.js';
import { jobView } from '../classify/job-view.js';
import { createToasts, openBrowserHistory } from '../parts/index.js';
import { operationsView } from '../operations/view.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { parseRoute, type Route } from './router.js';
import { currentTheme, restoreTheme, switchTheme } from './theme.js';

const titles: Record<Route['view'], string> = {
  classify: 'Quintet',
  job: 'Result · Quintet',
  operations: 'Operations · Quintet',
};

export function startShell(body: HTMLElement): void {
  restoreTheme();
  watchNetwork();
  const classifyTab = h('a', { href: '#/' }, 'Classify');
  const operationsTab = h('a', { href: '#/operations' }, 'Operations');
  const tabs = h('nav', { className: 'tabs' }, classifyTab, operationsTab, h('a', { href: 'docs' }, 'API'));
  tabs.setAttribute('aria-label', 'Views');
  const main = h('main', { id: 'main', tabIndex: -1 });
  body.append(
    h('a', { className: 'skip', href: '#main', onclick: () => (main.focus(), false) }, 'Skip to content'),
    h('header', { className: 'shell' }, brand(), tabs, connectionState(), themeToggle()),
    main,
  );

  const parts = { history: openBrowserHistory(), toasts: createToasts(body) };
  const classify = h('div', { className: 'view', hidden: true });
  main.append(classify);
  classifyView(classify, parts);
  let leave: AbortController | undefined;
  let other: HTMLElement | undefined;

  const show = (route: Route): void => {
    leave?.abort();
    other?.remove();
    other = undefined;
    classify.hidden = route.view !== 'classify';
    document.title = titles[route.view];
    mark(classifyTab, route.view !== 'operations');
    mark(operationsTab, route.view === 'operations');
    if (route.view === 'classify') return;
    leave = new AbortController();
    other = h('div', { className: 'view' });
    main.append(other);
    if (route.view === 'operations') operationsView(other, leave.signal);
    else void jobView(other, { id: route.id, picture: route.picture, signal: leave.signal, history: parts.history });
  };
  window.addEventListener('hashchange', () => {
    show(parseRoute(location.hash));
    window.scrollTo(0, 0);
  });
  show(parseRoute(location.hash));
}

function mark(tab: HTMLAnchorElement, isCurrent: boolean): void {
  if (isCurrent) tab.setAttribute('aria-current', 'page');
  else tab.removeAttribute('aria-current');
}

function brand(): HTMLElement {
  return h('a', { className: 'brand', href: '#/' }, icon('bars'), h('span', {}, 'Quintet'));
}

function connectionState(): HTMLElement {
  const text = h('span', {}, 'Connected');
  const state = h('p', { className: 'connection', role: 'status' }, h('span', { className: 'dot' }), text);
  onConnection(({ kind }) => {
    state.dataset['state'] = kind;
    text.textContent = kind === 'online' ? 'Connected' : 'No connection';
    state.title = kind === 'online' ? 'The service answers' : 'The service does not answer; trying again';
  });
  return state;
}

function themeToggle(): HTMLElement {
  const button = h('button', { type: 'button', className: 'icon-button theme' });
  const tell = (): void => {
    const theme = currentTheme();
    const name = { auto: 'as the system', light: 'light', dark: 'dark' }[theme];
    button.replaceChildren(icon(theme));
    button.setAttribute('aria-label', `Colours: ${name}`);
    button.title = `Colours: ${name}`;
  };
  button.addEventListener('click', () => {
    switchTheme();
    tell();
  });
  tell();
  return button;
}
