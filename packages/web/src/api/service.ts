/**
 * The service as this page uses it: where the page was loaded from, with the key of this browser. Only streams are
 * tried again here: for the rest, the callers decide. Every answer, and every request without one, changes what the
 * page says of the connection.
 */
import { Quintet, type FetchLike, type QuintetOptions } from '@quintet/client';
import { askAfter, storedKey } from './api-key.js';
import { reportAnswer, reportUnreachable } from './connection.js';

/** An hour, for slow lines: a dead one is an error much sooner. */
const uploadSeconds = 3600;

let made: Quintet | undefined;

export function service(): Quintet {
  made ??= connect(fetchAnew);
  return made;
}

/** The same for one upload; `onProgress` gets the share that is sent, from 0 to 1. */
export function uploader(onProgress?: (fraction: number) => void): Quintet {
  return connect(fetchWithProgress(onProgress), { patienceSeconds: uploadSeconds });
}

function connect(send: FetchLike, options: QuintetOptions = {}): Quintet {
  const fetch: FetchLike = async (url, init) => {
    try {
      const response = await send(url, init);
      reportAnswer();
      return response;
    } catch (error) {
      if (init.signal?.aborted !== true) reportUnreachable();
      throw error;
    }
  };
  const url = new URL('.', document.baseURI);
  return new Quintet({ url, apiKey: storedKey, onDenied: askAfter, retrySeconds: 0, fetch, ...options });
}

/**
 * Not from the browser's cache. Each piece of a stream counts as an answer, heartbeats too: for long there may be
 * nothing else.
 */
const fetchAnew: FetchLike = async (url, init) => {
  const response = await fetch(url, { ...(init as RequestInit), cache: 'no-store' });
  const heard = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, controller) => {
      reportAnswer();
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body?.pipeThrough(heard) ?? null, response);
};

/** By XMLHttpRequest, as fetch does not tell how much it has sent. */
function fetchWithProgress(onProgress?: (fraction: number) => void): FetchLike {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const stop = (): void => {
        request.abort();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever it was aborted with
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', stop, { once: true });
      request.upload.addEventListener('progress', ({ loaded, total }) =>
        onProgress?.(total === 0 ? 1 : loaded / total),
      );
      request.addEventListener('error', () => {
        reject(new TypeError('The request failed.'));
      });
      request.addEventListener('load', () => {
        const answer = request.response as Blob;
        resolve({
          status: request.status,
          headers: { get: (name) => request.getResponseHeader(name) },
          body: answer.stream(),
          text: () => answer.text(),
          arrayBuffer: () => answer.arrayBuffer(),
        });
      });
      request.addEventListener('loadend', () => {
        signal?.removeEventListener('abort', stop);
      });
      request.open(method, url);
      request.responseType = 'blob';
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.send(body as XMLHttpRequestBodyInit);
    });
}
