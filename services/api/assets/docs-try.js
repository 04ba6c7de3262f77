// "Try it": a form made of an operation's parameters and body in openapi.json, and the answer of this service to what it sends.
/* global docs */
(() => {
  const { h } = docs;
  let ids = 0;
  let asked;
  let key = docs.stored('quintet.key') ?? '';

  const loadDocument = () => {
    asked ??= fetch(`${docs.base}/openapi.json`).then((response) => response.json());
    asked.catch(() => (asked = undefined));
    return asked;
  };

  /** A labelled control, and what it adds to a request: entries of name and value, none where it is empty. */
  const control = (name, schema, { required = false, description = '', isFile = false } = {}) => {
    ids += 1;
    const common = { id: `try-${ids}`, required };
    const choices = schema.type === 'boolean' ? ['true', 'false'] : schema.enum;
    const input = isFile
      ? h('input', { ...common, type: 'file', multiple: schema.type === 'array' })
      : choices !== undefined
        ? h('select', common, h('option', { value: '' }, ''), ...choices.map((each) => h('option', {}, String(each))))
        : h('input', {
            ...common,
            type: ['integer', 'number'].includes(schema.type) ? 'number' : 'text',
            step: 'any',
            autocomplete: 'off',
            spellcheck: false,
            placeholder: String(schema.examples?.[0] ?? schema.default ?? ''),
          });
    for (const limit of ['min', 'max']) {
      const value = schema[`${limit}imum`];
      if (input.type === 'number' && value !== undefined) input[limit] = value;
    }
    if (description !== '') input.title = description.replaceAll('`', '');
    const label = h('label', { htmlFor: input.id }, h('code', {}, name), required && ' required');
    return {
      name,
      input,
      element: h('div', { className: 'try-field' }, label, input),
      entries: () =>
        isFile ? [...input.files].map((file) => [name, file]) : input.value === '' ? [] : [[name, input.value]],
    };
  };

  /** Controls of which only the needed ones are seen at once. */
  const fields = (controls, what) => {
    const needed = controls.filter(({ input }) => input.required);
    const others = controls.filter(({ input }) => !input.required);
    const summary = `${others.length} optional ${what}${others.length === 1 ? '' : 's'}`;
    const rest = h('details', {}, h('summary', {}, summary), ...others.map(({ element }) => element));
    return [...needed.map(({ element }) => element), others.length > 0 && rest];
  };

  /** The part of the form for one content type: its elements, the names of its members, and the body of the request. */
  const bodyPart = (document, type, schema) => {
    if (type === 'multipart/form-data') {
      const { members, required } = docs.membersOf(document, schema);
      const controls = Object.entries(members).map(([name, each]) => {
        const member = docs.resolve(document, each);
        const isFile = (member.items ?? member).format === 'binary';
        return control(name, member, { required: required.has(name), description: member.description, isFile });
      });
      return {
        elements: fields(controls, 'field'),
        names: new Set(Object.keys(members)),
        body: () => ({ kind: 'form', fields: controls.flatMap((each) => each.entries()) }),
      };
    }
    if (type === 'application/json') {
      ids += 1;
      const text = JSON.stringify(docs.exampleOf(document, schema), null, 2);
      const area = h('textarea', {
        id: `try-${ids}`,
        rows: Math.min(16, text.split('\n').length + 1),
        value: text,
        spellcheck: false,
      });
      const label = h('label', { htmlFor: area.id }, 'Body, as JSON');
      return {
        elements: [h('div', { className: 'try-field' }, label, area)],
        names: new Set(Object.keys(docs.membersOf(document, schema).members)),
        body: () => ({ kind: 'text', type, text: area.value }),
      };
    }
    const file = control('file', {}, { required: true, isFile: true });
    return {
      elements: [file.element],
      names: new Set(),
      body: () => {
        const [chosen] = file.input.files;
        const own = type.includes('*') ? chosen?.type || 'application/octet-stream' : type;
        return chosen === undefined ? undefined : { kind: 'file', type: own, file: chosen };
      },
    };
  };

  const keyField = () => {
    const field = control('API key', {}, { description: 'It stays in this page, and is sent to this service only.' });
    Object.assign(field.input, { type: 'password', value: key });
    field.input.addEventListener('input', () => (key = field.input.value.trim()));
    return field;
  };

  const build = (document, { path, method, operation }) => {
    const parameters = (operation.parameters ?? []).map((each) => ({
      place: each.in,
      ...control(each.name, docs.resolve(document, each.schema), each),
    }));
    const answers = [
      ...new Set(
        Object.entries(operation.responses).flatMap(([status, each]) =>
          status.startsWith('2') ? Object.keys(each.content ?? {}) : [],
        ),
      ),
    ];
    if (answers.length > 1) {
      parameters.push({
        place: 'header',
        ...control('Accept', { enum: answers }, { description: 'The form of the answer.' }),
      });
    }
    const contents = operation.requestBody?.content ?? {};
    // A form comes first: it takes the picture as a file.
    const types = Object.keys(contents).sort((a, b) => b.startsWith('multipart/') - a.startsWith('multipart/'));
    const select = h(
      'select',
      { id: `try-type-${operation.operationId}` },
      ...types.map((each) => h('option', {}, each)),
    );
    const chooser = h('div', { className: 'try-field' }, h('label', { htmlFor: select.id }, 'Content type'), select);
    const bodyHost = h('div');
    const parameterHost = h('div');
    let shown = parameters;
    let part;
    const choose = () => {
      part = bodyPart(document, select.value, contents[select.value].schema);
      bodyHost.replaceChildren(...part.elements.filter(Boolean));
      // What the body has is not asked for twice.
      shown = parameters.filter(({ place, name }) => place !== 'query' || !part.names.has(name));
      parameterHost.replaceChildren(...fields(shown, 'parameter').filter(Boolean));
    };
    const needsKey = docs.keyed && operation['x-scope'] !== undefined;
    const curl = h('code');
    const send = h('button', { type: 'submit', className: 'try-send' }, 'Send');
    const stop = h('button', { type: 'button', hidden: true }, 'Stop');
    const form = h(
      'form',
      { className: 'try-form' },
      needsKey && keyField().element,
      parameterHost,
      types.length > 1 && chooser,
      bodyHost,
      h('p', { className: 'try-actions' }, send, stop),
      h(
        'div',
        { className: 'sample' },
        h('pre', { tabIndex: 0, ariaLabel: 'The request with curl' }, curl),
        docs.copyButton(() => curl.textContent),
      ),
    );
    parameterHost.append(...fields(parameters, 'parameter').filter(Boolean));
    if (types.length > 0) choose();

    const request = () => {
      const entries = (place) => shown.filter((each) => each.place === place).flatMap((each) => each.entries());
      const inPath = Object.fromEntries(entries('path'));
      const address = path.replaceAll(/\{(\w+)\}/g, (whole, name) =>
        inPath[name] === undefined ? whole : encodeURIComponent(inPath[name]),
      );
      const query = new URLSearchParams(entries('query')).toString();
      const body = part?.body();
      return {
        method: method.toUpperCase(),
        url: `${docs.base}${address}${query === '' ? '' : `?${query}`}`,
        headers: entries('header'),
        ...(body === undefined ? {} : { body }),
      };
    };
    const tell = () => (curl.textContent = docs.toCurl(request(), needsKey));
    const prefill = () => {
      for (const { place, name, input } of parameters) {
        const known = place === 'path' ? docs.made[path.slice(0, path.indexOf(`{${name}}`))] : undefined;
        if (input.value === '' && known !== undefined) input.value = known;
      }
      tell();
    };
    const output = h('div', { className: 'try-answer' });
    select.addEventListener('change', choose);
    form.addEventListener('input', tell);
    form.addEventListener('change', tell);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const end = new AbortController();
      stop.onclick = () => end.abort();
      send.disabled = true;
      stop.hidden = false;
      const { url, ...rest } = request();
      await docs.showAnswer(output, () =>
        fetch(url, { ...docs.toFetch(rest, needsKey ? key : ''), signal: end.signal, cache: 'no-store' }),
      );
      send.disabled = false;
      stop.hidden = true;
    });
    prefill();
    return { elements: [form, output], prefill };
  };

  for (const section of document.querySelectorAll('section.operation')) {
    const details = h('details', { className: 'try' }, h('summary', {}, 'Try it'));
    section.querySelector('.samples').after(details);
    let form;
    details.addEventListener('toggle', async () => {
      if (!details.open) return;
      form?.prefill();
      if (form !== undefined) return;
      try {
        const contract = await loadDocument();
        const wanted = section.id.replace('operation-', '');
        const found = Object.entries(contract.paths)
          .flatMap(([path, methods]) =>
            Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
          )
          .find(({ operation }) => operation.operationId === wanted);
        form ??= build(contract, found);
        details.replaceChildren(details.firstElementChild, ...form.elements);
      } catch (error) {
        details.append(h('p', {}, `The form cannot be made: ${error.message}`));
      }
    });
  }
})();
