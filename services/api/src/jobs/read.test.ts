import { ProblemError, type Outcome, type StoredJob } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import type { QueueState } from './queues.js';
import { anonymous } from './client.js';
import { readJob } from './read.js';

const now = Date.parse('2026-01-01T00:01:00Z');
const succeeded: Outcome = { status: 'succeeded', finished_at: '2026-01-01T00:00:30.000Z' };

function stored(ageMs: number, outcome?: Outcome): StoredJob {
  const created = new Date(now - ageMs).toISOString();
  const record = { id: 'a', model: { name: 'resnet50' }, created_at: created, metadata: {} };
  return outcome === undefined ? { record } : { record, outcome };
}

/** `reads` are what the store answers, in turn; the last one again and again. */
function read(
  reads: (StoredJob | undefined)[],
  state: QueueState,
  finish: 'finished' | 'already_finished' = 'finished',
) {
  const finished: Outcome[] = [];
  const context = {
    store: {
      read: () => Promise.resolve(reads.length > 1 ? reads.shift() : reads[0]),
      finish: (_id: string, outcome: Outcome) => {
        finished.push(outcome);
        return Promise.resolve(finish);
      },
    },
    queues: { state: () => Promise.resolve(state) },
    resultTtlSeconds: 60,
    now: () => now,
  };
  return { job: readJob(context, 'a', anonymous), finished };
}

describe('readJob', () => {
  it('shows the outcome, whatever the queue says', async () => {
    expect((await read([stored(60_000, succeeded)], 'absent').job).status).toBe('succeeded');
  });

  it('shows how far the queue is', async () => {
    expect((await read([stored(60_000)], { status: 'queued' }).job).status).toBe('queued');
    const startedAt = new Date(now - 10);
    expect(await read([stored(60_000)], { status: 'processing', startedAt }).job).toMatchObject({
      status: 'processing',
      started_at: startedAt.toISOString(),
    });
  });

  it('sees an end that comes between its two questions', async () => {
    const { job, finished } = read([stored(60_000), stored(60_000, succeeded)], 'absent');
    expect((await job).status).toBe('succeeded');
    expect(finished).toEqual([]);
  });

  it('takes a job that is just being submitted for queued', async () => {
    expect((await read([stored(1000)], 'absent').job).status).toBe('queued');
  });

  it.each(['absent', 'ended'] as const)('ends a job that the queue has given up: %s', async (state) => {
    const { job, finished } = read([stored(60_000)], state);
    expect(await job).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
    expect(finished).toHaveLength(1);
  });

  it('lets the first end stand where two come at once', async () => {
    const { job } = read([stored(60_000), stored(60_000), stored(60_000, succeeded)], 'ended', 'already_finished');
    expect((await job).status).toBe('succeeded');
  });

  it('knows nothing of an unknown job', async () => {
    await expect(read([undefined], 'absent').job).rejects.toThrow(ProblemError);
  });
});
