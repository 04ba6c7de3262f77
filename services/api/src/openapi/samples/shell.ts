/**
 * What the curl samples of the document (../samples.ts and the operations' own) say, taken apart, so that other languages are written from
 * them: there is one description of every call. It reads what these samples use of a shell, and throws on everything else.
 */

export type Body =
  /** Fields in their order; a file by its name, with all of one field name in one form. */
  | { readonly kind: 'form'; readonly fields: readonly FormEntry[] }
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'file'; readonly name: string }
  /** `text` with the base64 of a file in the place of `%s`. */
  | { readonly kind: 'base64'; readonly text: string; readonly name: string };

export interface FormEntry {
  readonly name: string;
  readonly value?: string;
  readonly file?: string;
}

export interface Call {
  readonly method: string;
  /** Absolute; `$NAME` is a variable. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** The file that takes the answer. */
  readonly output?: string;
  /** Whether the answer is shown as it comes. */
  readonly streams: boolean;
}

/** A variable, and what of an answer fills it. */
export interface Variable {
  readonly name: string;
  readonly call: Call;
  /** Steps into JSON, or the first match of an expression in the text. */
  readonly pick: { readonly path: readonly (string | number)[] } | { readonly pattern: string };
}

export interface Sample {
  readonly variables: readonly Variable[];
  readonly call: Call;
}

/** Throws where the sample says what is not known here. */
export function readSample(source: string): Sample {
  const lines = source.split('\n');
  const variables: Variable[] = [];
  const files = new Map<string, Body>();
  for (const line of lines.slice(0, -1)) {
    const [, name, command, filter] = /^([A-Z]+)=\$\((curl .*?) \| (.*)\)$/.exec(line) ?? [];
    const [, text, file, made] = /^printf '([^']*)' "\$\(base64 < (\S+) \| tr -d '\\n'\)" > (\S+)$/.exec(line) ?? [];
    if (name !== undefined)
      variables.push({ name, call: readCall(command ?? '', files), pick: readFilter(filter ?? '') });
    else if (made !== undefined) files.set(made, { kind: 'base64', text: text ?? '', name: file ?? '' });
    else throw new Error(`no line of a sample: ${line}`);
  }
  return { variables, call: readCall(lines.at(-1) ?? '', files) };
}

function readFilter(filter: string): Variable['pick'] {
  const [, quoted, plain] = /^jq -r (?:'([^']+)'|(\S+))$/.exec(filter) ?? [];
  const path = quoted ?? plain;
  if (path !== undefined) {
    return { path: [...path.matchAll(/\.(\w+)|\[(\d+)\]/g)].map(([, name, index]) => name ?? Number(index)) };
  }
  const pattern = /^grep -o '([^']+)' \| head -n 1$/.exec(filter)?.[1];
  if (pattern === undefined) throw new Error(`no filter of a sample: ${filter}`);
  return { pattern };
}

function readCall(command: string, files: ReadonlyMap<string, Body>): Call {
  const [program, ...words] = wordsOf(command);
  if (program !== 'curl') throw new Error(`no call of a sample: ${command}`);
  const headers: Record<string, string> = {};
  const fields: FormEntry[] = [];
  let method: string | undefined;
  let url: string | undefined;
  let body: Body | undefined;
  let output: string | undefined;
  let streams = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const value = (): string => words[(at += 1)] ?? '';
    if (word === '-s') continue;
    else if (word === '-N') streams = true;
    else if (word === '-X') method = value();
    else if (word === '-o') output = value();
    else if (word === '-F') fields.push(formEntry(value()));
    else if (word === '--json') body = { kind: 'json', text: value() };
    else if (word === '--data-binary') {
      const name = value().replace(/^@/, '');
      body = files.get(name) ?? { kind: 'file', name };
    } else if (word === '-H') {
      const [, name = '', text = ''] = /^([\w-]+): (.*)$/.exec(value()) ?? [];
      headers[name] = text;
    } else if (word.startsWith('-') || url !== undefined) throw new Error(`no word of a sample: ${word}`);
    else url = word;
  }
  if (url === undefined) throw new Error(`a sample without an address: ${command}`);
  if (fields.length > 0) body = { kind: 'form', fields };
  return {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    url,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(output === undefined ? {} : { output }),
    streams,
  };
}

function formEntry(text: string): FormEntry {
  const [name = '', value = ''] = text.split(/=(.*)/s);
  return value.startsWith('@') ? { name, file: value.slice(1) } : { name, value };
}

function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}
