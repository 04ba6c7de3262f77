import { PassThrough } from 'node:stream';
import { QuintetError, type Job } from '@quintet/client';
import { describe, expect, it } from 'vitest';
import { Follower } from './follower.js';
import { makeJob } from './testing/make.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function followed() {
  const polls: { id: string; answer: (job: Job) => void; fail: (error: unknown) => void; signal: AbortSignal }[] = [];
  const streams: { readonly source: PassThrough; readonly signal: AbortSignal }[] = [];
  const told: string[] = [];
  const follower = new Follower({
    poll: (id, signal) =>
      new Promise((answer, fail) => {
        polls.push({ id, answer, fail, signal });
        signal.addEventListener('abort', () => {
          fail(signal.reason as Error);
        });
      }),
    events: (_, signal) => {
      const source = new PassThrough({ objectMode: true });
      streams.push({ source, signal });
      signal.addEventListener('abort', () => source.destroy(signal.reason as Error));
      return source;
    },
    onJob: (item, { status }) => told.push(`${item} ${status}`),
    onFailure: (item, { code }) => told.push(`${item} ${code}`),
  });
  return { follower, polls, streams, told };
}

describe('Follower', () => {
  it('polls one job at a time, the oldest first', async () => {
    const { follower, polls, told } = followed();
    for (const id of ['1', '2', '3']) follower.add(`item${id}`, makeJob(id), false);
    expect(polls.map(({ id }) => id)).toEqual(['1']);
    polls[0]?.answer(makeJob('1', { status: 'processing' }));
    await settle();
    // Not ended: it stays the oldest.
    expect(polls.at(-1)?.id).toBe('1');
    polls[1]?.answer(makeJob('1', { status: 'succeeded' }));
    await settle();
    expect(polls.at(-1)?.id).toBe('2');
    expect(told).toEqual(['item1 processing', 'item1 succeeded']);
  });

  it('reads the events of what is looked at, and polls it when it is not any more', async () => {
    const { follower, polls, streams, told } = followed();
    follower.add('a', makeJob('1'), true);
    expect([streams.length, polls.length]).toEqual([1, 0]);
    streams[0]?.source.write(makeJob('1', { status: 'processing' }));
    await settle();
    follower.unwatch('a');
    await settle();
    expect(streams[0]?.signal.aborted).toBe(true);
    expect(polls.map(({ id }) => id)).toEqual(['1']);
    expect(told).toEqual(['a processing']);
    follower.watch('a');
    streams[1]?.source.write(makeJob('1', { status: 'succeeded' }));
    await settle();
    expect(told.at(-1)).toBe('a succeeded');
    expect(streams[1]?.source.destroyed).toBe(true);
  });

  it('says of a job that is gone that it is, and goes on with the next', async () => {
    const { follower, polls, told } = followed();
    follower.add('a', makeJob('1'), false);
    follower.add('b', makeJob('2'), false);
    polls[0]?.fail(new QuintetError('job_not_found', 'There is no such job', { status: 404 }));
    await settle();
    expect([told, polls.at(-1)?.id]).toEqual([['a job_not_found'], '2']);
  });

  it('forgets what was canceled, also while it is polled', async () => {
    const { follower, polls, told } = followed();
    follower.add('a', makeJob('1'), false);
    follower.add('b', makeJob('2'), false);
    follower.forget('a');
    await settle();
    expect([told, polls.at(-1)?.id, polls.length]).toEqual([[], '2', 2]);
  });

  it('has nothing to do with a job that has ended', () => {
    const { follower, polls, streams } = followed();
    follower.add('a', makeJob('1', { status: 'succeeded' }), false);
    expect([polls.length, streams.length]).toEqual([0, 0]);
  });
});
