/**
 * Files that clients really send, each with what must come of it: `npm test -- inputs`. A test file has a table of them, which goes
 * to one running service. Those made by code are tested everywhere; those of ../shared/inputs have a test file of their own.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { batchOf, resultsOf } from '../../integration/batches-harness.js';
import { ask, type Answer, type Submission } from '../../support/hostile/post-case.js';
import { picture } from '../../support/pictures.js';
import { sharedStack } from '../../support/shared-stack.js';

/** The request in which a client sends a file. */
export type SendAs = (bytes: Buffer) => Submission;

/** What must come of a file. `detail` is looked for in the sentence that the error has for people. */
export type Expected =
  /** Succeeds, with this first label; a score of at least `score` (0.5). */
  | { readonly label: string; readonly score?: number }
  /** Succeeds, with the answer that this other file gets: the same labels, each score within `within` (0.02). */
  | { readonly like: Made; readonly within?: number }
  /** Refused by the API or failed on the worker: to a client both are this code. */
  | { readonly code: string; readonly detail?: RegExp };

type Made = () => Buffer | Promise<Buffer>;

export interface Input {
  readonly name: string;
  readonly make: Made;
  /** `application/octet-stream` as the whole body where it is absent. */
  readonly sendAs?: SendAs;
  readonly expect: Expected;
}

/** The file as the whole body of the request. */
export const bodyOf =
  (contentType: string): SendAs =>
  (bytes) => ({ body: new Uint8Array(bytes), headers: { 'content-type': contentType } });

const asRaw = bodyOf('application/octet-stream');

/** A picture of our own that every file of inputs sends too: where it fails, the fault is not that of the inputs. */
const control: Input = {
  name: 'a picture of examples/pictures, the control',
  make: () => picture('umbrella'),
  expect: { label: 'umbrella' },
};

export interface InputTables {
  readonly own: readonly Input[];
  /** Further tests against the same service, at this address. */
  readonly more?: (url: () => string) => void;
}

/** The suite of one test file: all its inputs are sent to one service, one by one. */
export function describeInputs(part: string, { own, more }: InputTables): void {
  describe(`inputs: ${part}`, () => {
    let url: string;
    beforeAll(async () => {
      ({ url } = await sharedStack());
    });

    it.each([control, ...own])('$name', (input) => judge(url, input));
    more?.(() => url);
  });
}

/** An archive, and the first label or the code of the error of each of its items. */
export interface ManyInput {
  readonly name: string;
  readonly type: string;
  readonly make: Made;
  readonly items: readonly (readonly [name: string, labelOrCode: string])[];
}

/** Sends one archive and holds what becomes of its items to what is expected. */
export async function judgeMany(url: string, { type, make, items }: ManyInput): Promise<void> {
  const response = await fetch(`${url}/v1/batches`, {
    method: 'POST',
    body: new Uint8Array(await make()),
    headers: { 'content-type': type, prefer: 'wait=30' },
  });
  let batch = await batchOf(response);
  while (batch.status !== 'completed') {
    batch = await batchOf(await fetch(url + batch.links.self, { headers: { prefer: 'wait=30' } }));
  }
  const results = await resultsOf(url, batch);
  expect(results.map(({ name, job }) => [name, job?.error?.code ?? job?.predictions?.[0]?.label])).toEqual(items);
}

/** Sends one input and holds the outcome to what is expected of it. */
export async function judge(url: string, { name, make, sendAs = asRaw, expect: expected }: Input): Promise<void> {
  const answer = await answerTo(url, sendAs(await make()));
  if ('code' in expected) {
    const { code, detail } = answer.error ?? answer;
    expect({ name, status: answer.status, code, detail }).toMatchObject({ name, code: expected.code });
    if (expected.detail !== undefined) expect(detail).toMatch(expected.detail);
    return;
  }
  const outcome = { name, status: answer.status, error: answer.error ?? answer.code };
  expect(outcome).toEqual({ name, status: 'succeeded', error: undefined });
  const [first] = answer.predictions ?? [];
  if ('label' in expected) {
    expect({ name, first }).toMatchObject({ name, first: { label: expected.label } });
    expect(first?.score, name).toBeGreaterThanOrEqual(expected.score ?? 0.5);
    return;
  }
  const other = await answerTo(url, asRaw(await expected.like()));
  expect(other.status, `${name}: the file that it is compared with`).toBe('succeeded');
  const scores = (predictions: Answer['predictions']): Map<string, number> =>
    new Map(predictions?.map(({ label, score }) => [label, score]));
  const [own, others] = [scores(answer.predictions), scores(other.predictions)];
  expect({ name, label: first?.label }).toEqual({ name, label: other.predictions?.[0]?.label });
  for (const [label, score] of others) {
    const difference = Math.abs((own.get(label) ?? 0) - score);
    expect(difference, `${name}: the score of ${label}`).toBeLessThanOrEqual(expected.within ?? 0.02);
  }
}

async function answerTo(url: string, submission: Submission): Promise<Answer> {
  const asked = await ask(url, submission);
  if (asked === undefined) throw new Error('The job has not ended.');
  return asked.answer;
}
