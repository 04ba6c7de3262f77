import { expect, it } from 'vitest';
import { poll, type Failure, type Feed } from './poll.js';

/** Answers what it is told, in order; ends the poll after the last. */
function play(answers: readonly (string | Failure)[]) {
  const end = new AbortController();
  const told: Feed<string>[] = [];
  const paused: number[] = [];
  const asked: string[] = [];
  let next = 0;
  const done = poll<string>(
    {
      everyMs: 2000,
      read: () => {
        asked.push('read');
        const answer = answers[next++];
        if (answer === undefined) end.abort();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- judged below as it is
        return typeof answer === 'string' ? Promise.resolve(answer) : Promise.reject(answer ?? end.signal.reason);
      },
      judge: (error) => error as Failure,
      shown: () => {
        asked.push('shown');
        return Promise.resolve();
      },
      allowed: () => {
        asked.push('allowed');
        return Promise.resolve();
      },
      pause: (ms) => {
        paused.push(ms);
        return Promise.resolve();
      },
      tell: (feed) => told.push(feed),
    },
    end.signal,
  );
  return { done, told, paused, asked };
}

it('tells what it is answered, and keeps it with the reason where it is not', async () => {
  const away = { reason: 'away', denied: false, afterMs: 0 };
  const full = { reason: 'busy', denied: false, afterMs: 5000 };
  const { done, told, paused } = play([away, 'one', full, 'two']);
  await done;
  expect(told).toEqual([
    { kind: 'waiting' },
    { kind: 'stale', data: undefined, reason: 'away' },
    { kind: 'live', data: 'one' },
    { kind: 'stale', data: 'one', reason: 'busy' },
    { kind: 'live', data: 'two' },
  ]);
  expect(paused).toEqual([2000, 2000, 5000, 2000]);
});

it('asks no more where it may not, until the person says that it may, and shows nothing of before', async () => {
  const denied = { reason: 'admin only', denied: true, afterMs: 0 };
  const { done, told, asked } = play(['one', denied, { reason: 'away', denied: false, afterMs: 0 }]);
  await done;
  expect(told.slice(1)).toEqual([
    { kind: 'live', data: 'one' },
    { kind: 'denied', reason: 'admin only' },
    { kind: 'waiting' },
    { kind: 'stale', data: undefined, reason: 'away' },
  ]);
  expect(asked.slice(0, 6)).toEqual(['shown', 'read', 'shown', 'read', 'allowed', 'shown']);
});
