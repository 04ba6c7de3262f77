// What "Try it" sends, and the same as a command for a shell.
/* global docs */

/** The schema that a reference leads to. */
docs.resolve = (document, schema = {}) =>
  schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.replace(/^.*\//, '')];

/** Members of a body by name, of all its parts and of the first alternative, and which of them are needed. */
docs.membersOf = (document, given) => {
  const schema = docs.resolve(document, given);
  const parts = [schema, ...(schema.allOf ?? []), ...(schema.oneOf ?? schema.anyOf ?? []).slice(0, 1)];
  const members = {};
  const required = new Set();
  for (const part of parts) {
    const found =
      part === schema
        ? { members: schema.properties ?? {}, required: schema.required ?? [] }
        : docs.membersOf(document, part);
    Object.assign(members, found.members);
    for (const name of found.required) required.add(name);
  }
  return { members, required };
};

/** JSON to begin with: the example of the schema, or the members that are needed. */
docs.exampleOf = (document, given) => {
  const schema = docs.resolve(document, given);
  const [example] = schema.examples ?? [];
  if (example !== undefined) return example;
  if (schema.type === 'array') return [docs.exampleOf(document, schema.items)];
  const { members, required } = docs.membersOf(document, schema);
  const needed = Object.entries(members).filter(([name]) => required.has(name));
  return Object.fromEntries(
    needed.map(([name, each]) => {
      const member = docs.resolve(document, each);
      const simple = { array: [], object: {}, integer: 0, number: 0, boolean: false }[member.type] ?? '';
      return [
        name,
        member.examples?.[0] ?? member.enum?.[0] ?? (member.items ? [docs.exampleOf(document, member.items)] : simple),
      ];
    }),
  );
};

/** The options of `fetch` for a request; `key` is the API key or empty. A form's content type is the browser's business. */
docs.toFetch = ({ method, headers, body }, key) => {
  const sent = new Headers(headers);
  if (key !== '') sent.set('Authorization', `Bearer ${key}`);
  if (body === undefined) return { method, headers: sent };
  if (body.kind !== 'form') {
    sent.set('Content-Type', body.type);
    return { method, headers: sent, body: body.kind === 'file' ? body.file : body.text };
  }
  const form = new FormData();
  for (const [name, value] of body.fields) form.append(name, value);
  return { method, headers: sent, body: form };
};

/** The request for a POSIX shell. The key stays out of it, since commands are pasted into chats. */
docs.toCurl = ({ method, url, headers, body }, hasKey) => {
  const word = (text) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  // Inside -F, a name with one of these is put in double quotes.
  const path = (name) => (/^[\w./ -]+$/.test(name) ? name : `"${name.replaceAll(/["\\]/g, '\\$&')}"`);
  const parts = ['curl'];
  if (method !== (body === undefined ? 'GET' : 'POST')) parts.push(`-X ${method}`);
  if (hasKey) parts.push('-H "Authorization: Bearer $QUINTET_API_KEY"');
  for (const [name, value] of headers) parts.push(`-H ${word(`${name}: ${value}`)}`);
  if (body?.kind === 'form') {
    for (const [name, value] of body.fields) {
      if (value instanceof File) parts.push(`-F ${word(`${name}=@${path(value.name)}`)}`);
      else parts.push(`--form-string ${word(`${name}=${value}`)}`);
    }
  } else if (body !== undefined) {
    parts.push(`-H ${word(`Content-Type: ${body.type}`)}`);
    parts.push(body.kind === 'file' ? `--data-binary ${word(`@${body.file.name}`)}` : `--data-raw ${word(body.text)}`);
  }
  parts.push(word(url));
  return parts.join(' \\\n  ');
};
