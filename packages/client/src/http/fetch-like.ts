/** Of `fetch`, what this library needs: the platform's is one, and node/http-fetch.ts is a leaner one for Node. */

export type RequestBody = string | Uint8Array | ReadableStream<Uint8Array>;

export interface FetchLikeInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly signal?: AbortSignal;
  /** As `fetch` wants it with a stream as the body. */
  readonly duplex?: 'half';
}

export interface FetchLikeResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** Chunks as they come; null where there is no body. A web stream need not be iterable. */
  readonly body: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | null;
  text(): Promise<string>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Rejects where no answer came. Redirects are followed, or answered as they are. */
export type FetchLike = (url: string, init: FetchLikeInit) => Promise<FetchLikeResponse>;

/** The platform's own. */
export const platformFetch: FetchLike = (url, init) => fetch(url, init);

/** The chunks of a body. In Safari no loop runs over a web stream. */
export async function* chunksOf(body: FetchLikeResponse['body']): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  if (!('getReader' in body)) {
    yield* body;
    return;
  }
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // It may be broken: then there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}
