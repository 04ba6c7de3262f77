import type { Job } from '@quintet/shared';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { withDeadline } from './start-deadline.js';
import { JobWaiters } from './waiters.js';

const job = (status: Job['status']): Job => ({
  id: 'a',
  status,
  model: { name: 'resnet50' },
  created_at: new Date(0).toISOString(),
  metadata: {},
  links: { self: '/v1/jobs/a' },
});

const never = new AbortController().signal;

afterEach(() => void vi.useRealTimers());

describe('JobWaiters', () => {
  it('resolves ten thousand waiters at one message, and keeps nothing of them', async () => {
    const sizes: number[] = [];
    const waiters = new JobWaiters((size) => sizes.push(size));
    let status: Job['status'] = 'queued';
    const waits = Array.from({ length: 10_000 }, () =>
      waiters.wait('a', () => Promise.resolve(job(status)), {
        timeoutMs: 60_000,
        signal: new AbortController().signal,
      }),
    );
    await Promise.resolve();
    expect(sizes.at(-1)).toBe(10_000);
    status = 'succeeded';
    waiters.notify('a');
    expect((await Promise.all(waits)).every((each) => each.status === 'succeeded')).toBe(true);
    expect(sizes.at(-1)).toBe(0);
  });

  it('misses no end that comes while the job is being read', async () => {
    const waiters = new JobWaiters();
    const states: Job['status'][] = ['queued', 'succeeded'];
    const read = vi.fn(() => {
      const status = states.shift() ?? 'succeeded';
      if (status === 'queued') waiters.notify('a');
      return Promise.resolve(job(status));
    });
    // No time passes, so that nothing but the message can wake it.
    vi.useFakeTimers();
    const waited = await waiters.wait('a', read, { timeoutMs: 60_000, signal: never });
    expect(waited.status).toBe('succeeded');
  });

  it('misses no end between registration and waiting, and reads nothing where the outcome is told', async () => {
    const waiters = new JobWaiters();
    const read = vi.fn(() => Promise.resolve(job('processing')));
    const known = { job: job('queued'), end: () => job('succeeded') };
    const waiter = waiters.open('a', never);
    waiters.notify('a', { status: 'succeeded', finished_at: new Date(1).toISOString() });
    expect((await waiter.untilEnded(read, 60_000, known)).status).toBe('succeeded');
    expect(read).not.toHaveBeenCalled();
    waiter.close();
  });

  it('reads the job where a message does not tell the outcome', async () => {
    const waiters = new JobWaiters();
    const read = vi.fn(() => Promise.resolve(job('failed')));
    const waiter = waiters.open('a', never);
    waiters.notify('a');
    const known = { job: job('queued'), end: () => job('succeeded') };
    expect((await waiter.untilEnded(read, 60_000, known)).status).toBe('failed');
    expect(read).toHaveBeenCalledTimes(1);
    waiter.close();
  });

  it('looks again by itself, for messages that were lost', async () => {
    vi.useFakeTimers();
    const waiters = new JobWaiters();
    const states: Job['status'][] = ['queued', 'succeeded'];
    const read = () => Promise.resolve(job(states.shift() ?? 'succeeded'));
    const waited = waiters.wait('a', read, { timeoutMs: 10_000, signal: never });
    await vi.advanceTimersByTimeAsync(9999);
    expect((await waited).status).toBe('succeeded');
  });

  it('looks again when the job is overdue, not two seconds later', async () => {
    vi.useFakeTimers();
    const waiters = new JobWaiters();
    const deadline_ms = Date.now() + 100;
    const read = vi.fn(() =>
      Promise.resolve(Date.now() > deadline_ms ? job('expired') : withDeadline(job('queued'), { deadline_ms })),
    );
    const waited = waiters.wait('a', read, { timeoutMs: 60_000, signal: never });
    await vi.advanceTimersByTimeAsync(102);
    expect((await waited).status).toBe('expired');
    // A timer may ring a moment early.
    expect(read.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it('looks again at once where the deadline passed while the job was read', async () => {
    vi.useFakeTimers();
    const waiters = new JobWaiters();
    let reads = 0;
    const read = () =>
      Promise.resolve(reads++ > 0 ? job('expired') : withDeadline(job('queued'), { deadline_ms: Date.now() - 1 }));
    const waited = waiters.wait('a', read, { timeoutMs: 60_000, signal: never });
    // Before it looks again by itself.
    await vi.advanceTimersByTimeAsync(1000);
    expect((await waited).status).toBe('expired');
  });

  it('gives the last state when the time is over, the client leaves, or the service stops', async () => {
    const sizes: number[] = [];
    const waiters = new JobWaiters((size) => sizes.push(size));
    const read = () => Promise.resolve(job('processing'));
    expect((await waiters.wait('a', read, { timeoutMs: 20, signal: never })).status).toBe('processing');
    expect((await waiters.wait('a', read, { timeoutMs: 0, signal: never })).status).toBe('processing');

    const gone = new AbortController();
    const left = waiters.wait('a', read, { timeoutMs: 60_000, signal: gone.signal });
    setImmediate(() => {
      gone.abort();
    });
    expect((await left).status).toBe('processing');

    const open = waiters.wait('a', read, { timeoutMs: 60_000, signal: never });
    setImmediate(() => {
      waiters.close();
    });
    expect((await open).status).toBe('processing');
    expect((await waiters.wait('a', read, { timeoutMs: 60_000, signal: never })).status).toBe('processing');
    expect(sizes.at(-1)).toBe(0);
  });

  it('fails as the reading fails, and forgets the waiter', async () => {
    const sizes: number[] = [];
    const waiters = new JobWaiters((size) => sizes.push(size));
    const failing = waiters.wait('a', () => Promise.reject(new Error('gone')), { timeoutMs: 1000, signal: never });
    await expect(failing).rejects.toThrow('gone');
    expect(sizes).toEqual([1, 0]);
  });
});
