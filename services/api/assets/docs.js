// The page of /docs, made livelier: colours, search, samples in tabs, copying, and this service's own address in them. All of it can be
// read without.
const docs = {
  /** Where the service is, without a slash at its end. */
  base: location.href.replace(/[?#].*$/, '').replace(/\/docs\/?$/, ''),
  keyed: document.body.dataset.keyed === 'yes',

  /** `docs.h('p', { className: 'quiet' }, 'text', child)`: an element with these properties and children. */
  h(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child !== undefined && child !== false));
    return element;
  },

  /** What this browser keeps under a name; null where it keeps nothing. */
  stored(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },

  keep(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // It has the same again after a reload.
    }
  },

  copyButton(text, label = 'Copy') {
    const button = docs.h('button', { type: 'button', className: 'copy' }, label);
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(text());
        button.textContent = 'Copied';
      } catch {
        button.textContent = 'Not allowed';
      }
      setTimeout(() => (button.textContent = label), 2000);
    });
    // Over plain http from another machine there is no clipboard.
    button.hidden = navigator.clipboard === undefined;
    return button;
  },
};

// Light, dark or as the system has it, in turn; kept where the rest of the page keeps it.
(() => {
  const themes = ['auto', 'light', 'dark'];
  const names = { auto: 'as the system', light: 'light', dark: 'dark' };
  const button = document.getElementById('theme');
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    for (const icon of button.children) icon.toggleAttribute('hidden', icon.dataset.icon !== theme);
    button.ariaLabel = button.title = `Colours: ${names[theme]}`;
  };
  const stored = docs.stored('quintet.theme');
  show(themes.includes(stored) ? stored : 'auto');
  button.hidden = false;
  button.addEventListener('click', () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
    show(next);
    docs.keep('quintet.theme', next);
  });
})();

// Tabs by the ARIA pattern; who chooses a language somewhere reads all samples in it.
(() => {
  const remembered = 'quintet.docs.language';
  const groups = [];
  const choose = (language) => {
    for (const group of groups) {
      const chosen = group.some((part) => part.language === language) ? language : group[0].language;
      for (const { tab, panel, language: own } of group) {
        tab.ariaSelected = String(own === chosen);
        tab.tabIndex = own === chosen ? 0 : -1;
        panel.hidden = own !== chosen;
      }
    }
  };
  for (const [number, samples] of [...document.querySelectorAll('.samples')].entries()) {
    const list = docs.h('div', { className: 'tab-list', role: 'tablist', ariaLabel: 'Language' });
    const group = [...samples.querySelectorAll('.sample')].map((panel) => {
      const { language } = panel.dataset;
      const code = panel.querySelector('code');
      code.textContent = code.textContent.replaceAll('http://localhost:3000', docs.base);
      panel.append(docs.copyButton(() => code.textContent));
      panel.querySelector('.language').remove();
      const tab = docs.h('button', { type: 'button', role: 'tab', id: `samples-${number}-${language}` }, language);
      panel.id = `${tab.id}-panel`;
      panel.role = 'tabpanel';
      panel.setAttribute('aria-labelledby', tab.id);
      tab.setAttribute('aria-controls', panel.id);
      return { tab, panel, language };
    });
    const go = (index, focus) => {
      const { tab, language } = group[(index + group.length) % group.length];
      // What is above may change its height, and what was clicked stays where it is.
      const before = list.getBoundingClientRect().top;
      choose(language);
      docs.keep(remembered, language);
      scrollBy(0, list.getBoundingClientRect().top - before);
      if (focus) tab.focus({ preventScroll: true });
    };
    for (const [index, { tab }] of group.entries()) {
      tab.addEventListener('click', () => go(index, false));
      tab.addEventListener('keydown', (event) => {
        const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: group.length - 1 }[event.key];
        if (next === undefined) return;
        event.preventDefault();
        go(next, true);
      });
      list.append(tab);
    }
    samples.prepend(list);
    groups.push(group);
  }
  choose(docs.stored(remembered));
})();

// Search.
(() => {
  const announce = document.getElementById('found');
  const query = document.getElementById('query');
  const entries = [...document.querySelectorAll('.entry')].map((element) => ({
    element,
    link: document.querySelector(`#contents a[href="#${CSS.escape(element.id)}"]`)?.parentElement,
    text: element.textContent.toLowerCase(),
  }));
  const groups = [
    ...[...document.querySelectorAll('section.tag')].map((element) => ({ element, parts: '.entry:not([hidden])' })),
    ...[...document.querySelectorAll('.nav-group')].map((element) => ({ element, parts: 'li:not([hidden])' })),
  ];

  const search = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { element, link, text } of entries) {
      const matches = words.every((word) => text.includes(word));
      if (matches) found += 1;
      element.hidden = !matches;
      if (link) link.hidden = !matches;
    }
    for (const { element, parts } of groups) element.hidden = element.querySelector(parts) === null;
    announce.textContent = words.length === 0 ? '' : `${found} of ${entries.length} entries`;
  };
  document.getElementById('search').hidden = false;
  query.addEventListener('input', search);
  query.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    query.value = '';
    search();
  });
  document.addEventListener('keydown', (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    query.focus();
  });

  // A link into something that the search has hidden shows all again.
  addEventListener('hashchange', () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target === null || target.closest('[hidden]') === null) return;
    query.value = '';
    search();
    target.scrollIntoView();
  });

  // On a narrow screen the contents come first, and would push everything else away.
  const contents = document.getElementById('index');
  const narrow = matchMedia('(width < 60rem)');
  const fit = () => (contents.open = !narrow.matches);
  narrow.addEventListener('change', fit);
  fit();
})();
