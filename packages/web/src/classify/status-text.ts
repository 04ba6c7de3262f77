/** Where a picture is on its way, in words. */
import { formatSeconds } from './format.js';
import { isDone, type Item } from './item.js';

/**
 * `now`: on the clock of performance.now(), for what counts down. `silentSeconds`: for how long the service has not answered;
 * what it said last is not told then, as it may be long past.
 */
export function statusText(item: Item, now: number, silentSeconds?: number): string {
  const { state, source, stateAt = now } = item;
  const isAwaited = state.kind === 'uploading' || (state.kind === 'job' && !isDone(item));
  if (silentSeconds !== undefined && isAwaited) return `No answer for ${formatSeconds(silentSeconds)}`;
  switch (state.kind) {
    case 'waiting':
      return 'Waiting to be sent';
    case 'uploading':
      return uploadText(source.kind === 'url', state.fraction);
    case 'pausing':
      return state.until > now ? `Trying again in ${Math.ceil((state.until - now) / 1000)} s` : 'Trying again';
    case 'failed':
      return 'Did not work';
    case 'canceled':
      return 'Canceled';
    case 'job':
      break;
  }
  const { status, queue } = state.job;
  switch (status) {
    case 'queued':
      return queue === undefined ? 'In the queue' : queueText(queue, (now - stateAt) / 1000);
    case 'processing':
      return 'Being classified';
    case 'succeeded':
      return 'Done';
    case 'failed':
      return 'Did not work';
    case 'canceled':
      return 'Canceled';
    case 'expired':
      return 'Not started in time';
  }
}

function uploadText(isAddress: boolean, fraction: number): string {
  if (isAddress) return 'Sending the address';
  // To be sent is not to be accepted.
  return fraction < 1 ? `Sending · ${Math.min(99, Math.round(fraction * 100))} %` : 'Sent · waiting for the answer';
}

/** `age`: seconds since the service said so. An estimate that has run out was wrong: nothing is better than what is left of it. */
function queueText(
  { position, eta_seconds: eta }: { readonly position: number; readonly eta_seconds?: number },
  age: number,
): string {
  const place = position === 0 ? 'Next in the queue' : `In the queue · ${position} before it`;
  const left = eta === undefined ? 0 : eta - age;
  return left > 0 ? `${place} · about ${formatSeconds(Math.max(0.1, left))}` : place;
}
