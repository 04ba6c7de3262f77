/**
 * What is around every view: the name, the tabs, the theme, whether the service answers.
 *
 * The classify view is made once and stays (hidden) while another is shown, since pictures may be on their way in it.
 * The others live from being chosen to being left, when the signal that they got is aborted.
 */
import { onConnection, silentSeconds, watchNetwork } from './api/connection.js';
import { h } from './app/dom.js';
import { icon } from './app/icons.js';
import { parseRoute, type Route } from './app/router.js';
import { currentTheme, restoreTheme, switchTheme } from './app/theme.js';
import { formatSeconds } from './classify/format.js';
import { jobView } from './classify/job-view.js';
import { Served } from './classify/served.js';
import { classifyView } from './classify/view.js';
import { operationsView } from './operations/view.js';
import { createToasts } from './parts/controls/toast.js';
import { openBrowserHistory } from './parts/history/history.js';

function startShell(body: HTMLElement): void {
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

  const shared = { history: openBrowserHistory(), toasts: createToasts(body), served: new Served() };
  const classify = h('div', { className: 'view', hidden: true });
  let classifyTitle = '';
  main.append(classify);
  classifyView(classify, {
    ...shared,
    title: (text) => {
      classifyTitle = text;
      if (!classify.hidden) setTitle(text);
    },
  });
  let leave: AbortController | undefined;
  let other: HTMLElement | undefined;

  const show = (route: Route): void => {
    leave?.abort();
    other?.remove();
    other = undefined;
    classify.hidden = route.view !== 'classify';
    mark(classifyTab, route.view !== 'operations');
    mark(operationsTab, route.view === 'operations');
    if (route.view === 'classify') {
      setTitle(classifyTitle);
      return;
    }
    leave = new AbortController();
    const { signal } = leave;
    setTitle(route.view === 'operations' ? 'Operations' : 'Result');
    const title = (text: string): void => {
      if (!signal.aborted) setTitle(text);
    };
    other = h('div', { className: 'view' });
    main.append(other);
    if (route.view === 'operations') operationsView(other, signal);
    else void jobView(other, { id: route.id, picture: route.picture, signal, parts: { ...shared, title } });
  };
  window.addEventListener('hashchange', () => {
    show(parseRoute(location.hash));
    window.scrollTo(0, 0);
  });
  show(parseRoute(location.hash));
}

function setTitle(text: string): void {
  document.title = text === '' ? 'Quintet' : `${text} · Quintet`;
}

function mark(tab: HTMLAnchorElement, isCurrent: boolean): void {
  if (isCurrent) tab.setAttribute('aria-current', 'page');
  else tab.removeAttribute('aria-current');
}

function brand(): HTMLElement {
  return h('a', { className: 'brand', href: '#/' }, icon('bars'), h('span', {}, 'Quintet'));
}

function connectionState(): HTMLElement {
  const text = h('span');
  // Not for screen readers: they would read out every second.
  const seconds = h('span', { className: 'numbers', ariaHidden: 'true' });
  const told = h('span', {}, text, seconds);
  const state = h('p', { className: 'connection', role: 'status' }, h('span', { className: 'dot' }), told);
  const count = (): void => {
    seconds.textContent = state.dataset['state'] === 'silent' ? ` for ${formatSeconds(silentSeconds() ?? 0)}` : '';
  };
  let ticking: number | undefined;
  onConnection(({ kind }) => {
    state.dataset['state'] = kind;
    text.textContent = { online: 'Connected', silent: 'No answer', unreachable: 'No connection' }[kind];
    state.title = kind === 'online' ? 'The service answers' : 'The service does not answer; trying again';
    count();
    window.clearInterval(ticking);
    if (kind === 'silent') ticking = window.setInterval(count, 1000);
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

startShell(document.body);
