/** What is around the jobs: deliveries of webhooks, and the memory that everything is kept in. */
import type { Operations } from '@quintet/client';
import { h } from '../app/dom.js';
import { formatBytes, formatCount, nothing } from './format.js';
import { meter, section, tally, type Panel } from './panel.js';

/** Counted up to here, as the service lists no more. */
const mostCounted = 10_000;

export function webhooksPanel(): Panel {
  const pending = tally('pending');
  const failed = tally('given up this week');
  const element = section('Webhooks', 'webhooks', h('dl', { className: 'tallies' }, pending.element, failed.element));
  const show = (data: Operations | undefined): void => {
    pending.set(countOf(data?.webhooks.pending));
    failed.set(countOf(data?.webhooks.failed));
  };
  return { element, show };
}

export function redisPanel(): Panel {
  const used = tally('of memory');
  const bar = meter('Memory that Redis uses, of what it may');
  const element = section('Redis', 'redis', h('dl', { className: 'tallies' }, used.element), bar);
  const term = used.element.querySelector('dt');
  const show = (data: Operations | undefined): void => {
    const redis = data?.redis;
    used.set(redis === undefined ? nothing : formatBytes(redis.used_bytes));
    const limit = redis?.limit_bytes;
    if (term !== null) term.textContent = limit === undefined ? 'of memory' : `of ${formatBytes(limit)}`;
    // Its place stays.
    bar.style.visibility = data !== undefined && limit === undefined ? 'hidden' : '';
    bar.max = limit ?? 1;
    bar.high = 0.8 * bar.max;
    bar.optimum = 0;
    bar.value = redis?.used_bytes ?? 0;
  };
  return { element, show };
}

function countOf(value: number | undefined): string {
  if (value === undefined) return nothing;
  return value >= mostCounted ? `${formatCount(mostCounted)}+` : formatCount(value);
}
