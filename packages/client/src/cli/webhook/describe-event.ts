/** A webhook in a line. */
import type { WebhookEvent } from '../../index.js';
import { printable } from '../output/printable.js';
import { percent } from '../output/table.js';

export function describeEvent(event: WebhookEvent): string {
  switch (event.type) {
    case 'webhook.test':
      return printable(`${event.type}  ${event.data.detail}`);
    case 'batch.completed': {
      const { id, total, counts } = event.data;
      return printable(`${event.type}  ${id}  ${counts.succeeded} of ${total} succeeded`);
    }
    case 'job.succeeded':
    case 'job.failed':
    case 'job.canceled':
    case 'job.expired': {
      const { id, predictions, error } = event.data;
      const [best] = predictions ?? [];
      const outcome = best === undefined ? (error?.code ?? '') : `${best.label} ${percent(best.score)}`;
      return printable(`${event.type}  ${id}  ${outcome}`.trimEnd());
    }
  }
}
