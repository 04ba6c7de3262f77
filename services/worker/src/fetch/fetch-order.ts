/**
 * One order to fetch a picture, from the queue to the image store or to the end of its job.
 *
 * taken → (past its deadline: expired | ended meanwhile: dropped) → its host or its client has its share: busy, for later
 *       → downloading → inspected → stored: the classify order runs
 *         downloading → its host has an address that has its share: busy
 *         downloading → deadline passed: expired | job ended: dropped | failed: tried again, or the job ends as failed
 *                     → this worker stops: interrupted, for another worker
 * Invariant: the image is stored only while the job has not ended, and whoever writes the outcome first decides
 * (JobStore), so running an order twice, after a stall or a thaw, is harmless.
 * Whatever this throws is not the picture's fault, but that of Redis.
 */
import { ImageError, inspectImage, type ImageLimits } from '@quintet/images';
import { addressParties, partiesOf, type Busy, type FairShares, type MayConnect, type Place } from '@quintet/outbound';
import { problem, type FetchOrder, type JobStore, type Outcome, type WatchedPlace } from '@quintet/shared';
import { download, type DownloadSettings } from './download.js';
import { FetchError, delayBeforeNext, type FetchErrorCode } from './fetch-error.js';

export interface FetchDependencies extends Omit<DownloadSettings, 'mayConnect' | 'checkHead'> {
  readonly store: Pick<JobStore, 'addImage' | 'finish' | 'hasEnded' | 'read'>;
  readonly shares: Pick<FairShares, 'take'>;
  /** Fetches under way, for the watchdog. */
  readonly fetches: Pick<WatchedPlace, 'during'>;
  readonly imageLimits: ImageLimits;
  /** Of one attempt, from the look-up of the name to the last byte. */
  readonly timeoutMs: number;
  readonly retentionSeconds: number;
}

export interface FetchAttempt {
  /** Of the order in its queue, and how often it was started there. */
  readonly entry: string;
  readonly start: number;
  /** From 1. */
  readonly number: number;
  readonly of: number;
  /** Aborted when the worker may not take longer to stop. */
  readonly stopping: AbortSignal;
}

export type FetchResult =
  | { readonly outcome: 'fetched'; readonly bytes: number }
  | { readonly outcome: 'failed'; readonly code: FetchErrorCode; readonly detail: string }
  | {
      readonly outcome: 'again';
      readonly code: FetchErrorCode;
      readonly detail: string;
      readonly delayMs: number;
    }
  | { readonly outcome: 'expired' }
  /** Nothing was asked for, and no attempt made. */
  | { readonly outcome: 'busy'; readonly busy: Busy }
  | { readonly outcome: 'interrupted' }
  /** The job had ended, by a cancel or on another worker, or its record is gone. */
  | { readonly outcome: 'dropped' };

/** How often a slow fetch asks whether anybody still wants it. */
const endedCheckMs = 500;

export async function fetchOrder(
  order: FetchOrder,
  attempt: FetchAttempt,
  dependencies: FetchDependencies,
): Promise<FetchResult> {
  const { store, shares, retentionSeconds } = dependencies;
  const end = async (outcome: Omit<Outcome, 'finished_at'>): Promise<boolean> => {
    const ended = { ...outcome, finished_at: new Date().toISOString() };
    return (await store.finish(order.id, ended, retentionSeconds)) === 'finished';
  };
  const expire = async (): Promise<FetchResult> => ({
    outcome: (await end({ status: 'expired' })) ? 'expired' : 'dropped',
  });

  if (order.deadline_ms !== undefined && Date.now() > order.deadline_ms) return expire();
  const job = await store.read(order.id);
  if (job === undefined || job.outcome !== undefined) return { outcome: 'dropped' };
  const parties = URL.canParse(order.url) ? partiesOf(job.record.owner, new URL(order.url)) : [];
  const place = await shares.take({ id: attempt.entry, start: attempt.start, parties });
  if (place.kind === 'busy') return { outcome: 'busy', busy: place };
  try {
    const image = await fetchImage(order, attempt.stopping, place, dependencies);
    return (await store.addImage(order.id, image))
      ? { outcome: 'fetched', bytes: image.length }
      : { outcome: 'dropped' };
  } catch (error) {
    if (error instanceof AddressBusy) return { outcome: 'busy', busy: error.busy };
    if (error instanceof CutShort) return error.why === 'expired' ? await expire() : { outcome: error.why };
    const failure = error instanceof ImageError ? new FetchError(error.code, error.detail) : error;
    if (!(failure instanceof FetchError)) throw error;
    const { code, detail } = failure;
    const delayMs = delayBeforeNext(failure, attempt.number, attempt.of);
    if (delayMs !== undefined) return { outcome: 'again', code, detail, delayMs };
    return (await end({ status: 'failed', error: problem(code, detail) }))
      ? { outcome: 'failed', code, detail }
      : { outcome: 'dropped' };
  } finally {
    place.release();
  }
}

/** The picture, of which there is nothing wrong as far as its first look tells. */
async function fetchImage(
  order: FetchOrder,
  stopping: AbortSignal,
  place: Place,
  dependencies: FetchDependencies,
): Promise<Buffer> {
  const { imageLimits } = dependencies;
  const limits = watch(order, stopping, dependencies);
  const checkHead = (head: Buffer): void => {
    refuseHopeless(head, imageLimits);
  };
  // A redirect leads to further addresses, whose shares count as those of the first.
  const mayConnect: MayConnect = (addresses) => {
    const busy = place.join(addressParties(addresses));
    if (busy !== undefined) limits.abort(new AddressBusy(busy));
    return busy === undefined;
  };
  const settings = { ...dependencies, mayConnect, checkHead };
  const image = await dependencies.fetches
    .during(() => download(order.url, settings, limits.signal))
    .finally(limits.stop);
  if (image.length === 0) throw new FetchError('image_truncated', 'There are no bytes at the address.');
  inspectImage(image, imageLimits);
  return image;
}

/** What a download is aborted with where an address has its share already. */
class AddressBusy extends Error {
  constructor(readonly busy: Busy) {
    super('the address is busy');
  }
}

/** What a download is aborted with where it is nobody's failure. */
class CutShort extends Error {
  constructor(readonly why: 'expired' | 'dropped' | 'interrupted') {
    super(why);
  }
}

/** A signal that is aborted, with the reason, when the download may not go on. `stop` is owed. */
function watch(
  order: FetchOrder,
  stopping: AbortSignal,
  { store, timeoutMs }: Pick<FetchDependencies, 'store' | 'timeoutMs'>,
): { signal: AbortSignal; abort: (reason: Error) => void; stop: () => void } {
  const controller = new AbortController();
  const leftMs = order.deadline_ms === undefined ? Infinity : order.deadline_ms - Date.now();
  const limit = setTimeout(
    () => {
      controller.abort(
        leftMs <= timeoutMs
          ? new CutShort('expired')
          : new FetchError('image_url_unreachable', `The image was not there after ${timeoutMs / 1000} s.`, {}),
      );
    },
    // A timer counts whole milliseconds, and may ring just before one.
    Math.max(0, Math.min(timeoutMs, leftMs + 1)),
  );
  let asking = false;
  const check = setInterval(() => {
    if (asking) return;
    asking = true;
    store
      .hasEnded(order.id)
      .then((ended) => {
        if (ended) controller.abort(new CutShort('dropped'));
      })
      // The answer is needed only to stop sooner.
      .catch(() => undefined)
      .finally(() => {
        asking = false;
      });
  }, endedCheckMs);
  const interrupt = (): void => {
    controller.abort(new CutShort('interrupted'));
  };
  if (stopping.aborted) interrupt();
  else stopping.addEventListener('abort', interrupt);
  return {
    signal: controller.signal,
    abort: (reason) => {
      controller.abort(reason);
    },
    stop: () => {
      clearTimeout(limit);
      clearInterval(check);
      stopping.removeEventListener('abort', interrupt);
    },
  };
}

/** Throws ImageError where the first bytes already say what the whole file would be refused for. */
export function refuseHopeless(head: Buffer, limits: ImageLimits): void {
  try {
    inspectImage(head, limits);
  } catch (error) {
    if (error instanceof ImageError && hopelessCodes.includes(error.code)) throw error;
  }
}

/** Of these, no later byte changes anything; every other fault may be that the rest is missing. */
const hopelessCodes: readonly string[] = [
  'image_format_unsupported',
  'image_too_complex',
  'image_too_many_pixels',
  'image_dimensions_invalid',
];
