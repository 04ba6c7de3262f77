/** POST /v1/jobs with progress, which fetch does not tell of what it sends. */
import { addressOf, keyHelps } from '../api/request.js';
import { reportAnswer, reportUnreachable } from '../api/connection.js';
import { keyHeaders } from '../api/key.js';
import { ApiError, toApiError, UnreachableError } from '../api/problem.js';
import type { Job } from '../api/types.js';
import type { Source } from './item.js';

export interface Submission {
  readonly source: Exclude<Source, { readonly kind: 'gone' }>;
  readonly model?: string | undefined;
  readonly explain: boolean;
  /** The same for every attempt: however often it is sent, one job is made. */
  readonly idempotencyKey: string;
}

export interface UploadOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (fraction: number) => void;
}

/** Resolves to the accepted job. Throws ApiError, UnreachableError, or what `signal` was aborted with. */
export async function upload(submission: Submission, options: UploadOptions): Promise<Job> {
  for (;;) {
    try {
      return await attempt(submission, options);
    } catch (error) {
      if (!(error instanceof ApiError) || !(await keyHelps(error))) throw error;
    }
  }
}

function attempt(submission: Submission, { signal, onProgress }: UploadOptions): Promise<Job> {
  const { source, model, explain, idempotencyKey } = submission;
  const options = { ...(model === undefined ? {} : { model }), ...(explain ? { explain: true } : {}) };
  const address = addressOf('v1/jobs');
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      request.abort();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever it was aborted with
      reject(signal.reason);
    };
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener('abort', stop, { once: true });
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress?.(total === 0 ? 1 : loaded / total));
    request.addEventListener('error', () => {
      reportUnreachable();
      reject(new UnreachableError(undefined));
    });
    request.addEventListener('load', () => {
      reportAnswer();
      const { status, responseText } = request;
      if (status === 200 || status === 202) resolve(JSON.parse(responseText) as Job);
      else reject(toApiError(status, responseText, request.getResponseHeader('Retry-After')));
    });
    request.addEventListener('loadend', () => {
      signal.removeEventListener('abort', stop);
    });
    if (source.kind === 'file')
      for (const [name, value] of Object.entries(options)) address.searchParams.set(name, String(value));
    request.open('POST', address);
    // The type is decided by the bytes; what a file's name suggests is of no use to the service.
    request.setRequestHeader('Content-Type', source.kind === 'file' ? 'application/octet-stream' : 'application/json');
    request.setRequestHeader('Idempotency-Key', idempotencyKey);
    for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
    request.send(source.kind === 'file' ? source.blob : JSON.stringify({ image_url: source.url, ...options }));
  });
}
