import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/problem.js';
import type { EventStreamOptions } from '../api/event-stream.js';
import type { Job } from '../api/types.js';
import { Follower } from './follower.js';
import { makeJob } from './testing/make.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function followed() {
  const polls: { path: string; answer: (job: Job) => void; fail: (error: unknown) => void; signal: AbortSignal }[] = [];
  const streams: { path: string; options: EventStreamOptions; end: () => void }[] = [];
  const told: string[] = [];
  const follower = new Follower({
    poll: (path, signal) =>
      new Promise((answer, fail) => {
        polls.push({ path, answer, fail, signal });
        signal.addEventListener('abort', () => {
          fail(signal.reason as Error);
        });
      }),
    readEvents: (path, options) =>
      new Promise((end, fail) => {
        streams.push({ path, options, end });
        options.signal.addEventListener('abort', () => {
          fail(options.signal.reason as Error);
        });
      }),
    onJob: (item, { status }) => told.push(`${item} ${status}`),
    onFailure: (item, { code }) => told.push(`${item} ${code}`),
  });
  return { follower, polls, streams, told };
}

describe('Follower', () => {
  it('polls one job at a time, the oldest first', async () => {
    const { follower, polls, told } = followed();
    for (const id of ['1', '2', '3']) follower.add(`item${id}`, makeJob(id), false);
    expect(polls.map(({ path }) => path)).toEqual(['/v1/jobs/1']);
    polls[0]?.answer(makeJob('1', { status: 'processing' }));
    await settle();
    // Not ended: it stays the oldest.
    expect(polls.at(-1)?.path).toBe('/v1/jobs/1');
    polls[1]?.answer(makeJob('1', { status: 'succeeded' }));
    await settle();
    expect(polls.at(-1)?.path).toBe('/v1/jobs/2');
    expect(told).toEqual(['item1 processing', 'item1 succeeded']);
  });

  it('reads the events of what is looked at, and polls it when it is not any more', async () => {
    const { follower, polls, streams, told } = followed();
    follower.add('a', makeJob('1'), true);
    expect([streams.length, polls.length]).toEqual([1, 0]);
    streams[0]?.options.onEvent({
      type: 'status',
      id: 'x',
      data: JSON.stringify(makeJob('1', { status: 'processing' })),
    });
    follower.unwatch('a');
    await settle();
    expect(streams[0]?.options.signal.aborted).toBe(true);
    expect(polls.map(({ path }) => path)).toEqual(['/v1/jobs/1']);
    expect(told).toEqual(['a processing']);
    const end = { type: 'status', id: 'y', data: JSON.stringify(makeJob('1', { status: 'succeeded' })) };
    follower.watch('a');
    expect(streams[1]?.options.onEvent(end)).toBe('stop');
    expect(told.at(-1)).toBe('a succeeded');
  });

  it('says of a job that is gone that it is, and goes on with the next', async () => {
    const { follower, polls, told } = followed();
    follower.add('a', makeJob('1'), false);
    follower.add('b', makeJob('2'), false);
    const gone = { type: 't', title: 'There is no such job', status: 404, code: 'job_not_found', retryable: false };
    polls[0]?.fail(new ApiError(gone));
    await settle();
    expect([told, polls.at(-1)?.path]).toEqual([['a job_not_found'], '/v1/jobs/2']);
  });

  it('forgets what was canceled, also while it is polled', async () => {
    const { follower, polls, told } = followed();
    follower.add('a', makeJob('1'), false);
    follower.add('b', makeJob('2'), false);
    follower.forget('a');
    await settle();
    expect([told, polls.at(-1)?.path, polls.length]).toEqual([[], '/v1/jobs/2', 2]);
  });

  it('has nothing to do with a job that has ended', () => {
    const { follower, polls, streams } = followed();
    follower.add('a', makeJob('1', { status: 'succeeded' }), false);
    expect([polls.length, streams.length]).toEqual([0, 0]);
  });
});
