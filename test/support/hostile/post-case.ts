/** Sends one hostile file to a real API as a client would, and judges the answer. */
import { setTimeout as delay } from 'node:timers/promises';
import { errorRegistry, type ErrorCode } from '@quintet/shared';
import type { HostileCase } from './corpus.js';
import { randomOf } from './random.js';

/** How long a file may take, from the request to the outcome; and of the services' CPU time, where it is alone. */
export const mostMilliseconds = 5000;
/** How long a job may take at all: well above the time limits of all that is under way at once, also on a busy machine. */
export const stalledMilliseconds = 180_000;

export interface Verdict {
  readonly name: string;
  readonly kind: string;
  /** `succeeded`, or the error code, with how it came: refused by the API or failed on the worker; or it never ended. */
  readonly outcome: 'succeeded' | `refused ${string}` | `failed ${string}` | 'stalled';
  readonly milliseconds: number;
  /** What a good service does not do, beside being slow; undefined where it did well. */
  readonly violation: string | undefined;
  /** The service said 503, each time. */
  readonly busy: boolean;
}

/** Codes that say that the service is at fault, not the picture. */
function blamesService(code: string): boolean {
  return !(code in errorRegistry) || errorRegistry[code as ErrorCode].status >= 500;
}

type Form = 'raw' | 'multipart' | 'json';

/** The body of a request and what it says of it. */
export interface Submission {
  readonly body: string | FormData | Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

function bodyOf(bytes: Buffer, form: Form): Submission {
  if (form === 'json') {
    const body = JSON.stringify({ image_base64: bytes.toString('base64') });
    return { body, headers: { 'content-type': 'application/json' } };
  }
  if (form === 'raw') return { body: new Uint8Array(bytes), headers: { 'content-type': 'image/jpeg' } };
  const body = new FormData();
  body.set('image', new Blob([new Uint8Array(bytes)]), 'picture.jpg');
  return { body, headers: {} };
}

/** A job, or the error that came in its place. */
export interface Answer {
  readonly id?: unknown;
  readonly status?: unknown;
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly error?: { readonly code?: unknown; readonly detail?: unknown };
  readonly predictions?: readonly { readonly label: string; readonly score: number }[];
}

/** How often a picture is submitted again where the service says that it is busy: on a machine that is, Redis may answer late. */
const mostRetries = 5;

/**
 * Submits a picture and waits for the end of its job, or for what the API says instead. A service that is merely slow is asked
 * again, and so is one that says 503, after the time that it names; undefined: it has not answered, or the job has not ended,
 * after `stalledMilliseconds`.
 */
export async function ask(
  url: string,
  { body, headers }: Submission,
): Promise<{ status: number; answer: Answer } | undefined> {
  const stalled = AbortSignal.timeout(stalledMilliseconds);
  const prefer = { prefer: 'wait=30' };
  try {
    const submission = { method: 'POST', body, headers: { ...headers, ...prefer }, signal: stalled };
    let response = await fetch(`${url}/v1/jobs`, submission);
    for (let retries = 0; retries < mostRetries && response.status === 503; retries += 1) {
      await response.body?.cancel();
      await delay(Number(response.headers.get('retry-after') ?? 1) * 1000);
      response = await fetch(`${url}/v1/jobs`, submission);
    }
    for (;;) {
      const answer = (await response.json()) as Answer;
      const isOpen = response.status < 400 && (answer.status === 'queued' || answer.status === 'processing');
      if (!isOpen) return { status: response.status, answer };
      response = await fetch(`${url}/v1/jobs/${String(answer.id)}`, { headers: prefer, signal: stalled });
    }
  } catch (error) {
    if (stalled.aborted) return undefined;
    throw error;
  }
}

/** The form of the body depends on the name, as all else: raw mostly. */
export async function postCase(url: string, each: HostileCase, bytes: Buffer): Promise<Verdict> {
  const form = randomOf(`form ${each.name}`).pick<Form>(['raw', 'raw', 'multipart', 'json']);
  const began = performance.now();
  const verdict = (outcome: Verdict['outcome'], violation?: string, busy = false): Verdict => ({
    name: each.name,
    kind: each.kind,
    outcome,
    milliseconds: performance.now() - began,
    violation,
    busy,
  });
  try {
    const asked = await ask(url, bodyOf(bytes, form));
    if (asked === undefined) return verdict('stalled');
    const { status, answer } = asked;
    if (status === 200 && answer.status === 'succeeded') return verdict('succeeded');
    if (status === 200 && answer.status === 'failed') {
      const code = String(answer.error?.code);
      return verdict(`failed ${code}`, blamesService(code) ? `failed as ${code}` : undefined);
    }
    const code = String(answer.code);
    if (status === 503) return verdict(`refused ${code}`, undefined, true);
    const wrong = status < 400 || status >= 500 || blamesService(code) ? `answered ${status} ${code}` : undefined;
    return verdict(`refused ${code}`, wrong);
  } catch (error) {
    return verdict('refused without an answer', `no answer: ${String(error)}`);
  }
}
