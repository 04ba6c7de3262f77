/**
 * "How to do this from code": the request that the page has just made, as somebody else's program would make it.
 *
 * Each snippet runs as it stands, in the folder where the picture is, and prints what it got; nothing has to be installed
 * first, which is why Python's is the standard library and not `requests`. A key never stands in one: it is read from the
 * environment, because snippets are pasted into chats and repositories.
 */
import { javaScriptString, jsonText, pythonString, shellWord } from './quote.js';

/** What a snippet is to ask for: the request that the page has made. */
export interface SnippetRequest {
  /** Where the service is, absolute: `https://example.com/quintet`. A slash at its end makes no difference. */
  readonly baseUrl: string;
  /** A file by its name, or by its path below the folder that was dropped; or a picture by its address. */
  readonly picture: { readonly name: string } | { readonly url: string };
  /** As the request had them, by their names in the API; what is undefined was not asked for. */
  readonly options: SnippetOptions;
  /** Whether the service asks for a key. */
  readonly needsKey: boolean;
}

export interface SnippetOptions {
  readonly model?: string | undefined;
  readonly top_k?: number | undefined;
  readonly min_score?: number | undefined;
  readonly explain?: boolean | undefined;
}

type OptionValue = string | number | boolean;

/** Seconds that the service is asked to keep the request open; what takes longer is asked for again. */
const waitSeconds = 30;

/** Those that the request has, in their order. */
function givenOptions({ options }: Pick<SnippetRequest, 'options'>): [string, OptionValue][] {
  return Object.entries(options).filter((entry): entry is [string, OptionValue] => entry[1] !== undefined);
}

function endpointOf({ baseUrl }: Pick<SnippetRequest, 'baseUrl'>): string {
  return baseUrl.replace(/\/+$/, '');
}

const continued = (parts: readonly string[]): string => `${parts.join(' \\\n  ')}\n`;

export function curlSnippet(request: SnippetRequest): string {
  const { picture, needsKey } = request;
  const parts = [
    `curl -sS --fail-with-body ${shellWord(`${endpointOf(request)}/v1/jobs`)}`,
    `-H 'Prefer: wait=${waitSeconds}'`,
  ];
  if (needsKey) parts.push('-H "Authorization: Bearer $QUINTET_API_KEY"');
  if ('url' in picture) {
    const document = { image_url: picture.url, ...Object.fromEntries(givenOptions(request)) };
    parts.push(`-H 'Content-Type: application/json'`, `--data-raw ${shellWord(jsonText(document))}`);
    return continued(parts);
  }
  parts.push(`-F ${shellWord(`image=@${curlFileName(picture.name)}`)}`);
  for (const [name, value] of givenOptions(request)) {
    // -F would read a value that begins with @ or < from a file, and end another at a semicolon.
    const flag = /^[\w.-]+$/.test(String(value)) ? '-F' : '--form-string';
    parts.push(`${flag} ${shellWord(`${name}=${value}`)}`);
  }
  return continued(parts);
}

/** -F ends a name at `;` and `,` unless it is in double quotes, inside which it escapes them and backslashes. */
function curlFileName(name: string): string {
  const path = asPath(name);
  return /^[\w./ -]+$/.test(path) ? path : `"${path.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** `quintet` takes its key from QUINTET_API_KEY, as the other snippets do. */
export function quintetSnippet(request: SnippetRequest): string {
  const { picture } = request;
  const what = 'url' in picture ? picture.url : asPath(picture.name);
  const parts = [`quintet classify ${shellWord(what)}`, `--url ${shellWord(endpointOf(request))}`];
  const { model, top_k, min_score, explain } = request.options;
  if (model !== undefined) parts.push(`--model ${shellWord(model)}`);
  // Of itself it shows one label in its table.
  parts.push(`--top ${top_k ?? 5}`);
  if (min_score !== undefined) parts.push(`--min-score ${min_score}`);
  // It writes the heat maps there.
  if (explain === true) parts.push('--explain explanations');
  return continued(parts);
}

/** A name that is a path and nothing else: not an option, nor standard input, nor an address. */
function asPath(name: string): string {
  return /^-|^[a-z][a-z0-9+.-]*:/i.test(name) ? `./${name}` : name;
}

/** A module for Node, with the fetch that is built in. */
export function javaScriptSnippet(request: SnippetRequest): string {
  const { picture, needsKey } = request;
  const key = needsKey ? ', Authorization: `Bearer ${process.env.QUINTET_API_KEY}`' : '';
  const { imports, body, headers } = 'url' in picture ? jsAddress(picture.url, request) : jsFile(picture.name, request);
  return `${imports}const service = ${javaScriptString(endpointOf(request))};
const headers = { Prefer: 'wait=${waitSeconds}'${key} };
${body}

let response = await fetch(service + '/v1/jobs', { method: 'POST', ${headers}, body });
let job = await response.json();
// Not done within ${waitSeconds} seconds: ask again.
while (response.ok && ['queued', 'processing'].includes(job.status)) {
  response = await fetch(service + job.links.self, { headers });
  job = await response.json();
}
if (!response.ok) throw new Error(job.detail);
if (job.status !== 'succeeded') throw new Error(job.error?.detail ?? job.status);

for (const { label, score } of job.predictions) console.log(\`\${(score * 100).toFixed(1)} %  \${label}\`);
`;
}

interface JsParts {
  readonly imports: string;
  readonly body: string;
  readonly headers: string;
}

function jsFile(name: string, request: SnippetRequest): JsParts {
  const fields = givenOptions(request).map(
    ([option, value]) => `body.set(${javaScriptString(option)}, ${javaScriptString(String(value))});`,
  );
  const file = `body.set('image', new Blob([await readFile(${javaScriptString(name)})]));`;
  return {
    imports: "import { readFile } from 'node:fs/promises';\n\n",
    body: ['const body = new FormData();', file, ...fields].join('\n'),
    headers: 'headers',
  };
}

function jsAddress(url: string, request: SnippetRequest): JsParts {
  const members = [['image_url', url] as const, ...givenOptions(request)].map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? javaScriptString(value) : value}`,
  );
  return {
    imports: '',
    body: `const body = JSON.stringify({ ${members.join(', ')} });`,
    headers: "headers: { ...headers, 'Content-Type': 'application/json' }",
  };
}

/** Python's standard library: the picture is the body itself, which needs no form, and options are the query. */
export function pythonSnippet(request: SnippetRequest): string {
  const { picture, needsKey } = request;
  const key = needsKey ? ', "Authorization": "Bearer " + os.environ["QUINTET_API_KEY"]' : '';
  return `import json
${needsKey ? 'import os\n' : ''}from urllib.error import HTTPError
from urllib.request import Request, urlopen

service = ${pythonString(endpointOf(request))}
headers = {"Prefer": "wait=${waitSeconds}"${key}}


def ask(path, body=None, content_type=None):
    more = {} if body is None else {"Content-Type": content_type}
    try:
        with urlopen(Request(service + path, body, {**headers, **more}), timeout=60) as response:
            return json.load(response)
    except HTTPError as error:
        raise SystemExit(error.read().decode())


${'url' in picture ? pyAddress(picture.url, request) : pyFile(picture.name, request)}
# Not done within ${waitSeconds} seconds: ask again.
while job["status"] in ("queued", "processing"):
    job = ask(job["links"]["self"])
if job["status"] != "succeeded":
    raise SystemExit(job.get("error", {}).get("detail", job["status"]))

for prediction in job["predictions"]:
    print(f"{prediction['score']:.1%}  {prediction['label']}")
`;
}

function pyFile(name: string, request: SnippetRequest): string {
  const query = new URLSearchParams();
  for (const [option, value] of givenOptions(request)) query.set(option, String(value));
  const path = query.size === 0 ? '/v1/jobs' : `/v1/jobs?${query.toString()}`;
  return `with open(${pythonString(name)}, "rb") as file:
    job = ask(${pythonString(path)}, file.read(), "application/octet-stream")`;
}

function pyAddress(url: string, request: SnippetRequest): string {
  const members = [['image_url', url] as const, ...givenOptions(request)].map(
    ([name, value]) => `"${name}": ${pyLiteral(value)}`,
  );
  return `document = json.dumps({${members.join(', ')}}).encode()
job = ask("/v1/jobs", document, "application/json")`;
}

function pyLiteral(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' ? pythonString(value) : String(value);
}

export interface SnippetLanguage {
  readonly id: string;
  readonly title: string;
  /** What it needs, in a line. */
  readonly note: string;
  readonly write: (request: SnippetRequest) => string;
}

export const snippetLanguages: readonly SnippetLanguage[] = [
  { id: 'curl', title: 'curl', note: 'For sh, bash and zsh; curl 7.76 or newer.', write: curlSnippet },
  {
    id: 'javascript',
    title: 'JavaScript',
    note: 'Node 20 or newer, nothing to install. Save it as classify.mjs, then: node classify.mjs',
    write: javaScriptSnippet,
  },
  {
    id: 'python',
    title: 'Python',
    note: 'Python 3.8 or newer, its standard library only. Save it as classify.py, then: python3 classify.py',
    write: pythonSnippet,
  },
  {
    id: 'quintet',
    title: 'quintet',
    note: "This project's own command: also for folders and many pictures at once, as a table, JSON or CSV.",
    write: quintetSnippet,
  },
];

/** How a key is given to each of them. */
export const keyNote = 'Put your key into the environment first: export QUINTET_API_KEY=…';
