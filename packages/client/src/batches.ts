/**
 * Batches: many pictures in one upload, which the service keeps together.
 *
 * The upload is a TAR archive, written while it is sent: no more of it is in memory than a chunk, and a retry writes it anew.
 * Its length is known before, so that a service that is full, or a batch that is too large, is told before the first byte.
 */
import { sleep } from './http/abortable.js';
import { chunksOf } from './http/fetch-like.js';
import type { Requester } from './http/requester.js';
import { cut, Failures } from './http/retries.js';
import { parseJsonLines } from './http/streams.js';
import { queryOf } from './image.js';
import { waitSeconds, type CallOptions } from './jobs.js';
import { asStream, tarChunks, tarSize, type BatchFile } from './tar.js';
import { hasEnded, type Batch, type BatchResult, type JobOptions } from './types.js';

export interface BatchRequest {
  readonly idempotencyKey: string;
  readonly signal?: AbortSignal | undefined;
}

export function batchPath(id: string): string {
  return `/v1/batches/${encodeURIComponent(id)}`;
}

/** The batch as it is once it is accepted. */
export function submitBatch(
  requester: Requester,
  files: readonly BatchFile[],
  options: JobOptions,
  { idempotencyKey, signal }: BatchRequest,
): Promise<Batch> {
  return requester.json<Batch>({
    method: 'POST',
    path: `/v1/batches${queryOf(options)}`,
    headers: {
      'content-type': 'application/x-tar',
      'content-length': String(tarSize(files)),
      'idempotency-key': idempotencyKey,
    },
    body: () => asStream(tarChunks(files)),
    signal,
    waitSeconds: uploadSeconds(files),
  });
}

/** How long an upload may take: a quarter of a megabyte a second is a slow line, and not a dead one. */
function uploadSeconds(files: readonly BatchFile[]): number {
  return tarSize(files) / 250_000;
}

/** The batch as it ended; `onProgress` is told of each look at it. */
export async function waitForBatch(
  requester: Requester,
  id: string,
  { signal, seconds = waitSeconds, onProgress }: WaitForBatch = {},
): Promise<Batch> {
  for (;;) {
    const headers = { prefer: `wait=${seconds}` };
    const batch = await requester.json<Batch>({ path: batchPath(id), headers, signal, waitSeconds: seconds });
    onProgress?.(batch);
    if (hasEnded(batch)) return batch;
  }
}

export interface WaitForBatch {
  readonly signal?: AbortSignal | undefined;
  /** Between two looks at a batch that goes on; 30 by default. */
  readonly seconds?: number | undefined;
  readonly onProgress?: ((batch: Batch) => void) | undefined;
}

/** The results in the order of the files, as they are now. A stream that is cut is read again from where it was. */
export async function* batchResults(
  requester: Requester,
  id: string,
  { signal, retrySeconds }: CallOptions & { readonly retrySeconds: number },
): AsyncGenerator<BatchResult, void, undefined> {
  let yielded = 0;
  const failures = new Failures(retrySeconds);
  for (;;) {
    try {
      const headers = { accept: 'application/x-ndjson' };
      const { body } = await requester.open({ path: `${batchPath(id)}/results`, headers, signal });
      let seen = 0;
      for await (const result of parseJsonLines<BatchResult>(chunksOf(body))) {
        seen += 1;
        if (seen <= yielded) continue;
        failures.clear();
        yielded += 1;
        yield result;
      }
      return;
    } catch (error) {
      signal?.throwIfAborted();
      await sleep(failures.delayAfter(cut(error, 'The results were cut.')), signal);
    }
  }
}
