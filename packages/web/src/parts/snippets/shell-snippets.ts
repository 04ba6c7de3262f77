/** One command of a shell: with curl, and with this project's own. */
import { jsonText, shellWord } from './quote.js';
import { endpointOf, givenOptions, waitSeconds, type SnippetRequest } from './request.js';

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
