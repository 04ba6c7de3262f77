// The page of /docs, made livelier: search, copying, and this service's own address in the examples. All of it can be read without.
(() => {
  try {
    // As chosen on the page of the service.
    const theme = localStorage.getItem('quintet.theme');
    if (theme !== null) document.documentElement.dataset.theme = theme;
  } catch {
    // A browser that keeps nothing has the system's.
  }

  const base = location.href.replace(/[?#].*$/, '').replace(/\/docs\/?$/, '');
  for (const code of document.querySelectorAll('code.shell')) {
    code.textContent = code.textContent.replaceAll('http://localhost:3000', base);
  }

  const announce = document.getElementById('found');
  if (navigator.clipboard !== undefined) {
    for (const sample of document.querySelectorAll('.sample')) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'Copy';
      button.addEventListener('click', async () => {
        try {
          await navigator.clipboard.writeText(sample.querySelector('code').textContent);
          button.textContent = 'Copied';
        } catch {
          button.textContent = 'Not allowed';
        }
        setTimeout(() => (button.textContent = 'Copy'), 2000);
      });
      sample.append(button);
    }
  }

  const query = document.getElementById('query');
  const entries = [...document.querySelectorAll('.entry')].map((element) => ({
    element,
    link: document.querySelector(`nav a[href="#${CSS.escape(element.id)}"]`)?.parentElement,
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
    const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea');
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
