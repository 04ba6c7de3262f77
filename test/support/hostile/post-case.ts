/** Sends one hostile file to a real API as a client would, and judges the answer. */
import { errorRegistry, type ErrorCode } from '@quintet/shared';
import type { HostileCase } from './corpus.js';
import { randomOf } from './random.js';

/** How long a file may take, from the request to the outcome. */
export const mostMilliseconds = 5000;

export interface Verdict {
  readonly name: string;
  readonly kind: string;
  /** `succeeded`, or the error code, with how it came: refused by the API or failed on the worker. */
  readonly outcome: 'succeeded' | `refused ${string}` | `failed ${string}`;
  readonly milliseconds: number;
  /** What a good service does not do; undefined where it did well. */
  readonly violation: string | undefined;
}

/** Codes that say that the service is at fault, not the picture. */
function blamesService(code: string): boolean {
  return !(code in errorRegistry) || errorRegistry[code as ErrorCode].status >= 500;
}

type Form = 'raw' | 'multipart' | 'json';

function bodyOf(
  bytes: Buffer,
  form: Form,
): { body: string | FormData | Uint8Array<ArrayBuffer>; headers: Record<string, string> } {
  if (form === 'json') {
    const body = JSON.stringify({ image_base64: bytes.toString('base64') });
    return { body, headers: { 'content-type': 'application/json' } };
  }
  if (form === 'raw') return { body: new Uint8Array(bytes), headers: { 'content-type': 'image/jpeg' } };
  const body = new FormData();
  body.set('image', new Blob([new Uint8Array(bytes)]), 'picture.jpg');
  return { body, headers: {} };
}

/** The form of the body depends on the name, as all else: raw mostly. */
export async function postCase(url: string, each: HostileCase, bytes: Buffer): Promise<Verdict> {
  const form = randomOf(`form ${each.name}`).pick<Form>(['raw', 'raw', 'multipart', 'json']);
  const { body, headers } = bodyOf(bytes, form);
  const began = performance.now();
  const verdict = (outcome: Verdict['outcome'], violation?: string): Verdict => {
    const milliseconds = performance.now() - began;
    const late = milliseconds > mostMilliseconds ? `took ${Math.round(milliseconds)} ms` : undefined;
    return { name: each.name, kind: each.kind, outcome, milliseconds, violation: violation ?? late };
  };
  try {
    const response = await fetch(`${url}/v1/jobs`, {
      method: 'POST',
      body,
      headers: { ...headers, prefer: 'wait=30' },
      signal: AbortSignal.timeout(40_000),
    });
    const answer = (await response.json()) as { status?: unknown; code?: unknown; error?: { code?: unknown } };
    if (response.status === 200 && answer.status === 'succeeded') return verdict('succeeded');
    if (response.status === 200 && answer.status === 'failed') {
      const code = String(answer.error?.code);
      return verdict(`failed ${code}`, blamesService(code) ? `failed as ${code}` : undefined);
    }
    if (response.status < 400) return verdict('failed unknown', `is ${String(answer.status)} after 30 s`);
    const code = String(answer.code);
    const wrong = response.status >= 500 || blamesService(code) ? `answered ${response.status} ${code}` : undefined;
    return verdict(`refused ${code}`, wrong);
  } catch (error) {
    return verdict('refused without an answer', `no answer: ${String(error)}`);
  }
}
