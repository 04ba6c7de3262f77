/**
 * Requests of the page: addresses relative to where it was loaded from, the key of this browser, problems as errors.
 *
 * An answer 401 or 403 asks the person for a key, once for however many requests meet it, and sends the request again.
 * Who closed the dialog is not asked again before they do something that needs one: `askForKey` or `mayAskForKey`.
 */
import { reportAnswer, reportUnreachable } from './connection.js';
import { keyHeaders, storeKey } from './key.js';
import { openKeyDialog } from './key-dialog.js';
import { toApiError, UnreachableError, type ApiError } from './problem.js';
import type { Problem } from './types.js';

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly signal?: AbortSignal;
}

/** The address of one of the service's paths (`v1/jobs`, or `/v1/jobs` as links have it) under whatever prefix it is served. */
export function addressOf(path: string): URL {
  return new URL(path.replace(/^\//, ''), document.baseURI);
}

/** The JSON that the service answers: T is what its contract says of this path. Throws ApiError, UnreachableError, or what `signal` was aborted with. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(path, options);
  return (await response.json()) as T;
}

/** The same for answers that are not JSON: the response, whose status is one of success. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  for (;;) {
    const response = await exchange(path, options);
    if (response.ok) return response;
    const error = toApiError(response.status, await response.text(), response.headers.get('Retry-After'));
    if (!(await keyHelps(error))) throw error;
  }
}

/** Asks for a key where the failure is the lack of one; resolves to whether the request should be sent again. */
export async function keyHelps(error: ApiError): Promise<boolean> {
  if (![401, 403].includes(error.problem.status) || declined) return false;
  return askForKey(error.problem);
}

let asking: Promise<boolean> | undefined;
let declined = false;

/** The person does something now, and may be asked again. */
export function mayAskForKey(): void {
  declined = false;
}

/** Resolves to whether a key was given. `problem` says why one is needed. */
export function askForKey(problem?: Problem): Promise<boolean> {
  asking ??= openKeyDialog(problem)
    .then((key) => {
      declined = key === undefined;
      if (key !== undefined) storeKey(key);
      return key !== undefined;
    })
    .finally(() => {
      asking = undefined;
    });
  return asking;
}

async function exchange(path: string, { method, headers, json, signal }: RequestOptions): Promise<Response> {
  try {
    const response = await fetch(addressOf(path), {
      method: method ?? 'GET',
      headers: {
        Accept: 'application/json',
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...keyHeaders(),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(signal === undefined ? {} : { signal }),
      cache: 'no-store',
    });
    reportAnswer();
    return response;
  } catch (error) {
    signal?.throwIfAborted();
    reportUnreachable();
    throw new UnreachableError(error);
  }
}
