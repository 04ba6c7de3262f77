/** A sample as a module for Node 20 and later, with nothing to install. */
import type { Body, Call, Sample, Variable } from './shell.js';

const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;

export function javaScriptOf({ variables, call }: Sample): string {
  const names = new Set(variables.map(({ name }) => name));
  const body = [
    ...variables.flatMap((variable) => [...fill(variable, names), '']),
    ...callOf(call, 'response', names),
    ...show(call),
  ];
  const calls = [...variables.map((variable) => variable.call), call];
  const imports = [...(calls.some(readsFile) ? ['readFile'] : []), ...(call.output === undefined ? [] : ['writeFile'])];
  const head = imports.length === 0 ? [] : [`import { ${imports.join(', ')} } from 'node:fs/promises';`, ''];
  return [...head, ...body].join('\n');
}

function readsFile({ body }: Call): boolean {
  return body !== undefined && body.kind !== 'json';
}

/** `$NAME` as a part of a template: a variable of the sample, or one of the environment. */
function template(text: string, names: ReadonlySet<string>): string {
  if (!text.includes('$')) return quoted(text);
  const inner = text.replaceAll(/\$(\w+)/g, (_, name: string) =>
    names.has(name) ? `\${${name.toLowerCase()}}` : `\${process.env.${name}}`,
  );
  return `\`${inner}\``;
}

function fill({ name, call, pick }: Variable, names: ReadonlySet<string>): string[] {
  const variable = name.toLowerCase();
  const answer = `${variable}Answer`;
  const value =
    'path' in pick
      ? `(await ${answer}.json())${pick.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')}`
      : `/${pick.pattern.replaceAll('/', '\\/')}/.exec(await ${answer}.text())[0]`;
  return [...callOf(call, answer, names), `const ${variable} = ${value};`];
}

function callOf({ method, url, headers, body }: Call, answer: string, names: ReadonlySet<string>): string[] {
  const form = `${answer === 'response' ? '' : answer.replace('Answer', '')}Form`.replace(/^F/, 'f');
  const sent = Object.entries({ ...headers, ...(body?.kind === 'json' ? { 'Content-Type': 'application/json' } : {}) });
  const options = [
    ...(method === 'GET' ? [] : [`method: ${quoted(method)}`]),
    ...(sent.length === 0
      ? []
      : [`headers: { ${sent.map(([name, value]) => `${nameOf(name)}: ${template(value, names)}`).join(', ')} }`]),
    ...(body === undefined ? [] : [body.kind === 'form' ? `body: ${form}` : `body: ${bodyOf(body)}`]),
  ];
  const address = template(url, names);
  return [
    ...(body?.kind === 'form' ? formOf(body, form) : []),
    options.length === 0
      ? `const ${answer} = await fetch(${address});`
      : `const ${answer} = await fetch(${address}, {\n${options.map((option) => `  ${option},\n`).join('')}});`,
  ];
}

const nameOf = (header: string): string => (/^\w+$/.test(header) ? header : quoted(header));

function formOf({ fields }: Body & { kind: 'form' }, form: string): string[] {
  return [
    `const ${form} = new FormData();`,
    ...fields.map(({ name, value = '', file }) =>
      file === undefined
        ? `${form}.append(${quoted(name)}, ${quoted(value)});`
        : `${form}.append(${quoted(name)}, new Blob([await readFile(${quoted(file)})]), ${quoted(file)});`,
    ),
  ];
}

function bodyOf(body: Exclude<Body, { kind: 'form' }>): string {
  switch (body.kind) {
    case 'json':
      return `JSON.stringify(${literal(JSON.parse(body.text))})`;
    case 'file':
      return `await readFile(${quoted(body.name)})`;
    case 'base64': {
      const picture = `await readFile(${quoted(body.name)}, 'base64')`;
      return `JSON.stringify(${literal(JSON.parse(body.text)).replace(`'%s'`, picture)})`;
    }
  }
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([name, member]) => `${nameOf(name)}: ${literal(member)}`)
    .join(', ')} }`;
}

function show({ output, streams }: Call): string[] {
  if (output !== undefined) {
    const bytes = 'Buffer.from(await response.arrayBuffer())';
    return [`await writeFile(${quoted(output)}, ${bytes});`, 'console.log(response.status);'];
  }
  if (!streams) return ['console.log(response.status, await response.text());'];
  return [
    'console.log(response.status);',
    'for await (const text of response.body.pipeThrough(new TextDecoderStream())) process.stdout.write(text);',
  ];
}
