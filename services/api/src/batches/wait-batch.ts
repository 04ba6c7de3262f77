/** Waiting for a batch to end, over the one subscription that jobs are waited for with. */
import type { Batch } from '@quintet/shared';
import type { JobWaiters } from '../jobs/index.js';

/** Pub/sub loses messages while its connection is away: look again. */
const lookAgainMs = 2000;

/** Reads until the batch has ended, `timeoutMs` is over, the client has gone or the service stops; the last state read. */
export async function waitForBatch(
  waiters: JobWaiters,
  id: string,
  read: () => Promise<Batch>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Batch> {
  const deadline = performance.now() + timeoutMs;
  const bell = waiters.listen(id, signal);
  try {
    for (;;) {
      bell.rearm();
      const batch = await read();
      const left = deadline - performance.now();
      if (batch.finished_at !== undefined || left <= 0 || signal.aborted || waiters.closed) return batch;
      await bell.rung(Math.min(left, lookAgainMs));
    }
  } finally {
    bell.remove();
  }
}
