/**
 * How an operation is called with curl, as it can be pasted into a shell beside a `photo.jpg`: what its path needs is
 * made or asked for first. Those that no rule fits say it themselves (`Operation.curl`). A test runs them all.
 */
import type { Operation } from './operation.js';

/** Where `npm start` serves. The page of the service (docs-page/) shows its own address instead. */
export const origin = 'http://localhost:3000';

export const jobOf = (): string => `JOB=$(curl -s -F image=@photo.jpg ${origin}/v1/jobs | jq -r .id)`;
export const batchOf = (): string => `BATCH=$(curl -s -F images=@photo.jpg ${origin}/v1/batches | jq -r .id)`;

/** By the path, up to its first parameter: the variable that takes its place, and how it is filled. */
const preludes: Readonly<Record<string, { readonly name: string; readonly assignment: string }>> = {
  '/v1/jobs/': { name: 'JOB', assignment: jobOf() },
  '/v1/batches/': { name: 'BATCH', assignment: batchOf() },
  '/v1/deliveries/': {
    name: 'DELIVERY',
    assignment: `DELIVERY=$(curl -s '${origin}/v1/deliveries?limit=1' | jq -r '.deliveries[0].id')`,
  },
};
const model = {
  name: 'MODEL',
  assignment: `MODEL=$(curl -s ${origin}/v1/models | jq -r .default)`,
};

type Called = Pick<Operation, 'method' | 'path' | 'body' | 'curl'> & Partial<Pick<Operation, 'answers'>>;

/** Lines of shell. */
export function curlOf({ method, path, body, curl, answers = {} }: Called): string {
  if (curl !== undefined) return curl;
  const parameter = path.indexOf('{');
  const prelude = parameter === -1 ? undefined : (preludes[path.slice(0, parameter)] ?? model);
  const address = prelude === undefined ? path : path.replace(/\{\w+\}/, `$${prelude.name}`);
  const words = ['curl', ...methodOf(method, body), ...bodyOf(body), ...outputOf(answers), `${origin}${address}`];
  return [...(prelude === undefined ? [] : [prelude.assignment]), words.join(' ')].join('\n');
}

function methodOf(method: Operation['method'], body: Operation['body']): string[] {
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
