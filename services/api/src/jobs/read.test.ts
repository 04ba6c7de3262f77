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
  const removed: string[] = [];
  const context = {
    store: {
      read: () => Promise.resolve(reads.length > 1 ? reads.shift() : reads[0]),
      finish: (_id: string, outcome: Outcome) => {
        finished.push(outcome);
        return Promise.resolve(finish);
      },
      forgetDeadline: () => Promise.resolve(),
    },
    queues: {
      state: () => Promise.resolve(state),
      remove: (_model: string, id: string) => {
        removed.push(id);
        return Promise.resolve(true);
      },
    },
    positions: { place: () => Promise.resolve({ position: 3, eta_seconds: 0.4 }) },
    resultTtlSeconds: 60,
    now: () => now,
  };
  return { job: readJob(context, 'a', anonymous), finished, removed };
}

describe('readJob', () => {
  it('shows the outcome, whatever the queue says', async () => {
    expect((await read([stored(60_000, succeeded)], 'absent').job).status).toBe('succeeded');
  });

  it('shows how far the queue is', async () => {
    expect(await read([stored(60_000)], { status: 'queued' }).job).toMatchObject({
      status: 'queued',
      queue: { position: 3, eta_seconds: 0.4 },
    });
    const startedAt = new Date(now - 10);
    expect(await read([stored(60_000)], { status: 'processing', startedAt }).job).toMatchObject({
      status: 'processing',
      started_at: startedAt.toISOString(),
    });
  });

  it('ends a job that waits past its deadline, and takes it out of the queue', async () => {
    const late = stored(60_000);
    const overdue = { record: { ...late.record, deadline_ms: now - 1 } };
    const { job, finished, removed } = read([overdue], { status: 'queued' });
    expect((await job).status).toBe('expired');
    expect([finished.length, removed]).toEqual([1, ['a']]);
    // One that runs has started in time.
    const running = read([overdue], { status: 'processing' });
    expect((await running.job).status).toBe('processing');
    // One that waits may still start at its deadline.
    const due = { record: { ...late.record, deadline_ms: now } };
    expect((await read([due], { status: 'queued' }).job).status).toBe('queued');
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
