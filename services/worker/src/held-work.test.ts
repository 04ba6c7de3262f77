import { Watchdog, type Logger } from '@quintet/shared';
import { afterEach, expect, it, vi } from 'vitest';
import { watchHeldWork, type HeldWork } from './held-work.js';

afterEach(() => {
  vi.useRealTimers();
});

const limits = { silenceMs: 60_000, runLimitMs: 30_000, fetchTimeoutMs: 15_000 };

function setUp() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const watchdog = new Watchdog();
  const fatal: string[] = [];
  const logged: unknown[] = [];
  const logger = { error: (fields: unknown) => logged.push(fields) } as unknown as Logger;
  const held = watchHeldWork({ ...limits, watchdog, logger, onFatal: ({ message }) => fatal.push(message) });
  return { watchdog, held, fatal, logged };
}

it.each<keyof HeldWork>(['slots', 'pictures', 'crops', 'fetches'])(
  'says that %s do not move, then ends the process',
  (name) => {
    const { watchdog, held, fatal, logged } = setUp();
    held[name].enter();
    while (watchdog.reasons.length === 0) vi.advanceTimersByTime(1000);
    expect(logged).toEqual([{ reason: watchdog.reasons[0] }]);
    expect(fatal).toEqual([]);
    vi.advanceTimersByTime(5000);
    expect(fatal).toEqual(watchdog.reasons);
    watchdog.stop();
  },
);

it('lets a worker live that moves again in time', () => {
  const { watchdog, held, fatal } = setUp();
  const leave = held.fetches.enter();
  while (watchdog.reasons.length === 0) vi.advanceTimersByTime(1000);
  leave();
  vi.advanceTimersByTime(60_000);
  expect([...watchdog.reasons, ...fatal]).toEqual([]);
  watchdog.stop();
});
