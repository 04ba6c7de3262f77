/** Items and jobs for tests. */
import type { Job } from '@quintet/client';
import type { Item } from '../item.js';

export function makeJob(id: string, change: Partial<Job> = {}): Job {
  return {
    id,
    status: 'queued',
    model: { name: 'mobilenetv2' },
    created_at: '2026-01-01T00:00:00.000Z',
    metadata: {},
    links: { self: `/v1/jobs/${id}`, events: `/v1/jobs/${id}/events` },
    ...change,
  };
}

export function makeItem(id: string, change: Partial<Item> = {}): Item {
  return {
    id,
    name: `${id}.jpg`,
    source: { kind: 'file', blob: new Blob([id]) },
    explain: false,
    state: { kind: 'waiting' },
    chosenAt: 0,
    ...change,
  };
}
