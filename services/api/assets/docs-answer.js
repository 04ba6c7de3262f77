// What the service answers to "Try it": status, headers, and the body, also while it is still coming.
/* global docs */
(() => {
  const { h } = docs;
  const mostShown = 200_000;
  /** Ids of what was made here, by the path before them. */
  docs.made = {};

  /** Asks, and shows status, headers and body as they come. */
  docs.showAnswer = async (output, ask) => {
    const status = h('p', { className: 'try-status', role: 'status' }, 'Sending…');
    output.replaceChildren(status);
    const began = performance.now();
    try {
      const response = await ask();
      const took = Math.round(performance.now() - began);
      status.replaceChildren(
        h('span', { className: 'status' }, String(response.status)),
        ` ${response.statusText} · ${took} ms`,
      );
      const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
      output.append(
        h(
          'details',
          {},
          h('summary', {}, 'Headers'),
          h('pre', { tabIndex: 0, ariaLabel: 'Headers' }, h('code', {}, headers)),
        ),
      );
      await showBody(output, response);
    } catch (error) {
      const stopped = error.name === 'AbortError';
      output.append(
        h('p', {}, stopped ? 'Stopped.' : `The service did not answer, or not to its end: ${error.message}`),
      );
      if (!stopped && status.textContent === 'Sending…') status.textContent = 'No answer.';
    }
  };

  const showBody = async (output, response) => {
    const type = response.headers.get('content-type') ?? '';
    if (response.body === null || response.status === 204 || response.status === 304) return;
    if (type.startsWith('image/')) {
      const address = URL.createObjectURL(new Blob([await response.blob()], { type: type.split(';')[0] }));
      output.append(h('img', { src: address, alt: 'The answer', className: 'try-image' }));
      return;
    }
    const code = h('code');
    output.append(h('pre', { tabIndex: 0, ariaLabel: 'Body' }, code));
    if (!type.startsWith('text/event-stream')) {
      const text = await response.text();
      code.textContent = cut(pretty(text, type));
      remember(text);
      return;
    }
    for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) return;
      code.textContent = cut(code.textContent + value);
    }
  };

  const cut = (text) =>
    text.length > mostShown ? `${text.slice(0, mostShown)}\n… and ${text.length - mostShown} characters more` : text;

  const pretty = (text, type) => {
    if (!type.includes('json') || type.includes('ndjson')) return text;
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };

  /** What was made is what other operations are tried on next. */
  const remember = (text) => {
    try {
      const [, folder, id] = /^(\/v1\/\w+\/)([^/]+)$/.exec(JSON.parse(text).links.self) ?? [];
      if (folder !== undefined) docs.made[folder] = id;
    } catch {
      // Something else.
    }
  };
})();
