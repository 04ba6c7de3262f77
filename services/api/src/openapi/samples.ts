/**
 * How an operation is called, as it can be pasted into a shell beside a `photo.jpg`: what its path needs is made or
 * asked for first. Those that no rule fits say it themselves (`Operation.curl`). The samples in other languages are
 * written from the one with curl. A test runs them all.
 */
import type { Operation } from './operation.js';
import { javaScriptOf } from './samples/javascript.js';
import { pythonOf } from './samples/python.js';
import { readSample } from './samples/shell.js';

/** Where `npm start` serves. The page of the service (docs-page/) shows its own address instead. */
export const origin = 'http://localhost:3000';

export const jobOf = (): string => `JOB=$(curl -s -F image=@photo.jpg ${origin}/v1/jobs | jq -r .id)`;
export const batchOf = (): string => `BATCH=$(curl -s -F images=@photo.jpg ${origin}/v1/batches | jq -r .id)`;

interface Variable {
  readonly name: string;
  /** The line of shell that fills it. */
  readonly assignment: string;
}

/** Of `{id}`, by the path before it; the whole path where only some of them have what is asked for. */
const ids: Readonly<Record<string, Variable>> = {
  '/v1/jobs/': { name: 'JOB', assignment: jobOf() },
  '/v1/jobs/{id}/explanation.png': {
    name: 'JOB',
    assignment: `JOB=$(curl -s -H 'Prefer: wait=10' -F image=@photo.jpg -F explain=true ${origin}/v1/jobs | jq -r .id)`,
  },
  '/v1/batches/': { name: 'BATCH', assignment: batchOf() },
  '/v1/deliveries/': {
    name: 'DELIVERY',
    assignment: `DELIVERY=$(curl -s '${origin}/v1/deliveries?limit=1' | jq -r '.deliveries[0].id')`,
  },
};
const others: Readonly<Record<string, Variable>> = {
  model: { name: 'MODEL', assignment: `MODEL=$(curl -s ${origin}/v1/models | jq -r .default)` },
  version: { name: 'VERSION', assignment: `VERSION=$(curl -s ${origin}/v2/models/$MODEL | jq -r '.versions[0]')` },
};

/** The address at `path` in shell, and the lines that fill what is variable in it. */
export function addressOf(path: string): { readonly address: string; readonly assignments: readonly string[] } {
  const assignments: string[] = [];
  const address = path.replaceAll(/\{(\w+)\}/g, (parameter, name: string, at: number) => {
    const variable = others[name] ?? ids[path] ?? ids[path.slice(0, at)];
    if (variable === undefined) return parameter;
    assignments.push(variable.assignment);
    return `$${variable.name}`;
  });
  return { address: `${origin}${address}`, assignments };
}

/** Lines of shell, of which the last is the call. */
export function curlOf(method: string, path: string, { body, answers, curl }: Operation): string {
  if (curl !== undefined) return curl;
  const { address, assignments } = addressOf(path);
  const words = ['curl', ...methodOf(method, body), ...bodyOf(body), ...outputOf(answers), address];
  return [...assignments, words.join(' ')].join('\n');
}

function methodOf(method: string, body: Operation['body']): string[] {
  return method === 'get' || (method === 'post' && body !== undefined) ? [] : [`-X ${method.toUpperCase()}`];
}

function bodyOf(body: Operation['body']): string[] {
  if (body === undefined) return [];
  return 'multipart/form-data' in body.content
    ? ['-F image=@photo.jpg']
    : [`-H 'Content-Type: image/jpeg'`, '--data-binary @photo.jpg'];
}

/** What is no text goes into a file. */
function outputOf(answers: Operation['answers']): string[] {
  return 'image/png' in (answers[200]?.content ?? {}) ? ['-o answer.png'] : [];
}

export interface CodeSample {
  /** As renderers of OpenAPI documents know it. */
  readonly lang: 'Shell' | 'JavaScript' | 'Python';
  readonly label: string;
  readonly source: string;
}

/** Each can be pasted where it runs, beside a `photo.jpg`. */
export function samplesOf(curl: string): CodeSample[] {
  const sample = readSample(curl);
  return [
    { lang: 'Shell', label: 'curl', source: curl },
    { lang: 'JavaScript', label: 'JavaScript', source: javaScriptOf(sample) },
    { lang: 'Python', label: 'Python', source: pythonOf(sample) },
  ];
}
