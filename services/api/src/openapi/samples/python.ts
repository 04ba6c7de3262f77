/**
 * A sample as a program for Python 3.8 and later, with its standard library alone. That makes no forms: a picture of a job is the body
 * itself and its options the query, and pictures of a batch are a JSON document.
 */
import type { Body, Call, Sample, Variable } from './shell.js';

const quoted = (text: string): string => `"${text.replaceAll(/[\\"]/g, '\\$&')}"`;

export function pythonOf({ variables, call }: Sample): string {
  const names = new Set(variables.map(({ name }) => name));
  const body = [
    ...variables.flatMap((variable) => [...fill(variable, names), '']),
    ...opened(call, names),
    ...show(call).map((line) => `    ${line}`),
  ].join('\n');
  const modules = ['base64', 'json', 'os', 're'].filter((name) => new RegExp(`\\b${name}\\.`).test(body));
  const used = body.includes('Request(') ? 'Request, urlopen' : 'urlopen';
  const imports = [...modules.map((name) => `import ${name}`), `from urllib.request import ${used}`];
  return `${imports.join('\n')}\n\n${body}`;
}

/** `$NAME` as a part of an f-string: a variable of the sample, or one of the environment. */
function text(value: string, names: ReadonlySet<string>): string {
  if (!value.includes('$')) return quoted(value);
  const inner = value.replaceAll(/\$(\w+)/g, (_, name: string) =>
    names.has(name) ? `{${name.toLowerCase()}}` : `{os.environ['${name}']}`,
  );
  return `f${quoted(inner)}`;
}

function fill({ name, call, pick }: Variable, names: ReadonlySet<string>): string[] {
  const value =
    'path' in pick
      ? `json.load(response)${pick.path.map((step) => `[${typeof step === 'number' ? step : quoted(step)}]`).join('')}`
      : `re.search(r'${pick.pattern}', response.read().decode())[0]`;
  return [...opened(call, names), `    ${name.toLowerCase()} = ${value}`];
}

/** The lines that send it, the last of which opens its answer as `response`. */
function opened(call: Call, names: ReadonlySet<string>): string[] {
  const { url, body, lines, type } = prepared(call);
  const headers = Object.entries({ ...(type === undefined ? {} : { 'Content-Type': type }), ...call.headers });
  const method = call.method === (body === undefined ? 'GET' : 'POST') ? undefined : call.method;
  const words = [
    text(url, names),
    ...(body === undefined ? [] : [body]),
    ...(headers.length === 0
      ? []
      : [`headers={${headers.map(([name, value]) => `${quoted(name)}: ${text(value, names)}`).join(', ')}}`]),
    ...(method === undefined ? [] : [`method=${quoted(method)}`]),
  ];
  const isShort = words.length === 1;
  return isShort
    ? [...lines, `with urlopen(${words[0] ?? ''}) as response:`]
    : [
        ...lines,
        `request = Request(\n${words.map((word) => `    ${word},\n`).join('')})`,
        'with urlopen(request) as response:',
      ];
}

interface Prepared {
  readonly url: string;
  readonly lines: readonly string[];
  /** The expression of its bytes. */
  readonly body?: string;
  readonly type?: string;
}

function prepared({ url, body }: Call): Prepared {
  if (body === undefined) return { url, lines: [] };
  switch (body.kind) {
    case 'json':
      return { url, lines: [`document = ${literal(JSON.parse(body.text))}`], ...jsonBody };
    case 'file':
      return { url, lines: readLines(body.name), body: 'picture' };
    case 'base64': {
      const document = literal(JSON.parse(body.text)).replace('"%s"', 'base64.b64encode(picture).decode()');
      return { url, lines: [...readLines(body.name), `document = ${document}`], ...jsonBody };
    }
    case 'form':
      return preparedForm(url, body);
  }
}

const jsonBody = { body: 'json.dumps(document).encode()', type: 'application/json' };

function preparedForm(url: string, { fields }: Body & { kind: 'form' }): Prepared {
  const pictures = fields.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const options = fields.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const]));
  const query = options.length === 0 ? '' : `?${new URLSearchParams(Object.fromEntries(options)).toString()}`;
  const [first = ''] = pictures;
  if (fields.every(({ name }) => name !== 'images')) {
    return { url: url + query, lines: readLines(first), body: 'picture', type: 'application/octet-stream' };
  }
  const items = pictures.map((name) => `{"id": ${quoted(name)}, "image_base64": encoded}`);
  return {
    url,
    lines: [
      ...readLines(first),
      'encoded = base64.b64encode(picture).decode()',
      `document = {"items": [${items.join(', ')}]}`,
    ],
    ...jsonBody,
  };
}

const readLines = (name: string): string[] => [
  `with open(${quoted(name)}, "rb") as file:`,
  '    picture = file.read()',
];

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${quoted(name)}: ${literal(member)}`)
    .join(', ')}}`;
}

function show({ output, streams }: Call): string[] {
  if (output !== undefined) {
    return [`with open(${quoted(output)}, "wb") as file:`, '    file.write(response.read())', 'print(response.status)'];
  }
  if (!streams) return ['print(response.status, response.read().decode())'];
  return ['print(response.status)', 'for line in response:', '    print(line.decode(), end="")'];
}
