/** Where a picture is on its way, in words. */
import { formatSeconds } from './format.js';
import type { Item } from './item.js';

/** `now`: as Date.now() has it, for the countdown. */
export function statusText({ state, source }: Item, now: number): string {
  switch (state.kind) {
    case 'waiting':
      return 'Waiting to be sent';
    case 'uploading':
      return source.kind === 'url' ? 'Sending the address' : `Sending · ${Math.round(state.fraction * 100)} %`;
    case 'pausing':
      return `Trying again in ${Math.max(0, Math.ceil((state.until - now) / 1000))} s`;
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
      return queue === undefined ? 'In the queue' : queueText(queue.position, queue.eta_seconds);
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

function queueText(position: number, eta: number | undefined): string {
  const place = position === 0 ? 'Next in the queue' : `In the queue · ${position} before it`;
  return eta === undefined ? place : `${place} · about ${formatSeconds(Math.max(0.1, eta))}`;
}
