/** A delivery from its first attempt to its last, with a clock that jumps and a queue that does as it is told. */
import { FairShares, partiesOf } from '@quintet/outbound';
import {
  createLogger,
  type DeliveryHead,
  type DeliveryLog,
  type DeliveryNote,
  type DisabledEndpoints,
  type LoggedDelivery,
  type WebhookMetrics,
} from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { Deliverer, type DelivererOptions } from './deliver-order.js';
import { judge, type AttemptResult } from './outcome.js';

const logger = createLogger('test', 'silent');
const message = { url: 'https://example.com/hook?token=1', type: 'job.succeeded', body: '{}' } as const;
const order = { kind: 'job', id: 'j1', request_id: 'r1' } as const;
const signal = new AbortController().signal;
/** The default of WEBHOOK_SCHEDULE_SECONDS. */
const schedule = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
const answer = (status: number, retryAfter?: string): AttemptResult => ({ kind: 'answered', status, retryAfter });

/** `receiver` answers by the number of the attempt (from 0) and the time in seconds since the start. */
function world(
  receiver: (attempt: number, seconds: number) => AttemptResult,
  overrides: Partial<DelivererOptions> = {},
) {
  let now = Date.parse('2026-11-24T02:00:00Z');
  const start = now;
  const notes: DeliveryNote[] = [];
  const sent: number[] = [];
  let known: LoggedDelivery | undefined;
  const counts = { hostDelays: 0, endpointsDisabled: 0 };
  const disabled = new Set<string>();
  const write = (head: DeliveryHead, note: DeliveryNote): void => {
    notes.push(note);
    const message = note.message ?? known?.message;
    known = { head, state: note.state, updated: note.now, entry: note.entry ?? known?.entry, message };
  };
  const options: DelivererOptions = {
    log: {
      peek: () => Promise.resolve(known),
      note: (_id: string, head: DeliveryHead, note: DeliveryNote) => {
        write(head, note);
        return Promise.resolve();
      },
      noteKnown: (_id: string, note: DeliveryNote) => {
        if (known !== undefined) write(known.head, note);
        return Promise.resolve();
      },
    } as unknown as DeliveryLog,
    endpoints: {
      disable: (fingerprint: string) => {
        const first = !disabled.has(fingerprint);
        disabled.add(fingerprint);
        return Promise.resolve(first);
      },
      enable: (fingerprint: string) => Promise.resolve(void disabled.delete(fingerprint)),
      isDisabled: (fingerprint: string) => Promise.resolve(disabled.has(fingerprint)),
    } as unknown as DisabledEndpoints,
    shares: new FairShares(100, () => undefined),
    hostConcurrency: 10,
    prepare: () => Promise.resolve({ message, owner: undefined }),
    attempt: () => {
      const verdict = judge(receiver(sent.length, (now - start) / 1000), new Date(now));
      if (verdict.kind !== 'interrupted') sent.push((now - start) / 1000);
      const attempt = { at: new Date(now).toISOString(), outcome: verdict.outcome, duration_ms: 1 };
      return Promise.resolve({ verdict, attempt });
    },
    schedule,
    metrics: {
      hostDelays: { inc: () => counts.hostDelays++ },
      endpointsDisabled: { inc: () => counts.endpointsDisabled++ },
    } as unknown as WebhookMetrics,
    now: () => new Date(now),
    ...overrides,
  };
  const deliverer = new Deliverer(options);
  const turn = (attemptsMade = 0) =>
    deliverer.deliver(
      order,
      { entry: 'msg_j1', start: attemptsMade + 1, attemptsMade, mostAttempts: 40 },
      logger,
      signal,
    );
  /** As the queue does: tries again when it is told to, until there is an end. */
  const run = async () => {
    for (let made = 0; ; made++) {
      const decision = await turn(made);
      if (decision.kind !== 'retry') return decision;
      now += decision.delayMs;
    }
  };
  return { turn, run, notes, sent, counts, known: () => known };
}

describe('Deliverer', () => {
  it('tries again on schedule while a receiver answers 500 for an hour, and gets through when it is back', async () => {
    const { run, sent, notes } = world((_attempt, seconds) => answer(seconds < 3600 ? 500 : 200));
    expect(await run()).toEqual({ kind: 'ended', outcome: 'delivered' });
    // 5 s, 5 min, 30 min and 2 h after each other, and up to a fifth more: four attempts in the hour, the fifth succeeds.
    expect(sent).toHaveLength(5);
    const gaps = sent.slice(1).map((at, index) => at - (sent[index] ?? 0));
    for (const [index, gap] of gaps.entries()) {
      const asked = schedule[index + 1] ?? 0;
      expect(gap).toBeGreaterThanOrEqual(asked);
      expect(gap).toBeLessThanOrEqual(asked * 1.2 + 0.001);
    }
    expect(notes.map(({ state }) => state)).toEqual([...Array<string>(5).fill('pending'), 'delivered']);
    // The message is kept once, at the first failure.
    expect(notes.map((note) => note.message !== undefined)).toEqual([false, true, false, false, false, false]);
  });

  it('gives up after three days of it, having tried ten times', async () => {
    const { run, sent, notes } = world(() => answer(500));
    expect(await run()).toEqual({ kind: 'failed', outcome: 'exhausted', reason: 'HTTP 500' });
    expect(sent).toHaveLength(schedule.length);
    expect(sent.at(-1)).toBeGreaterThanOrEqual(schedule.reduce((sum, each) => sum + each, 0));
    expect(notes.at(-1)).toMatchObject({ state: 'failed', attempt: { outcome: 'http_error' } });
    expect(notes.at(-1)?.next).toBeUndefined();
  });

  it('comes back when a receiver asks it to, not sooner', async () => {
    const { run, sent } = world((attempt) => (attempt === 0 ? answer(503, '3600') : answer(204)));
    await run();
    expect(sent[1]).toBeGreaterThanOrEqual(3600);
    expect(sent[1]).toBeLessThanOrEqual(3600 * 1.2 + 0.001);
  });

  it('disables an endpoint that is gone, once, and sends it nothing after that', async () => {
    const { run, sent, counts, notes } = world(() => answer(410));
    expect(await run()).toMatchObject({ kind: 'failed', outcome: 'gone' });
    expect(await run()).toMatchObject({ kind: 'failed', outcome: 'disabled' });
    expect([sent.length, counts.endpointsDisabled]).toEqual([1, 1]);
    expect(notes.at(-1)).toMatchObject({ state: 'failed', attempt: { outcome: 'disabled' } });
  });

  it('asks again later where the host is busy, without an attempt, and with the message kept', async () => {
    let now = 0;
    const shares = new FairShares(
      100,
      () => undefined,
      () => (now += 10_000),
    );
    const held = await shares.take({ id: 'other', start: 1, parties: partiesOf(undefined, new URL(message.url)) });
    const { turn, sent, counts, notes } = world(() => answer(204), { shares, hostConcurrency: 1 });
    expect(await turn()).toMatchObject({ kind: 'busy' });
    expect(await turn()).toMatchObject({ kind: 'busy' });
    expect(notes).toMatchObject([{ state: 'pending', message }]);
    if (held.kind === 'taken') held.release();
    expect(await turn()).toMatchObject({ kind: 'ended', outcome: 'delivered' });
    expect([sent.length, counts.hostDelays]).toEqual([1, 2]);
  });

  it('gives its slot back whatever happens', async () => {
    const shares = new FairShares(1, () => undefined);
    let fail = true;
    const { turn } = world((attempt) => (attempt === 0 ? { kind: 'interrupted' } : answer(204)), {
      shares,
      endpoints: {
        disable: () => Promise.resolve(true),
        enable: () => Promise.resolve(),
        isDisabled: () => (fail ? Promise.reject(new Error('no Redis')) : Promise.resolve(false)),
      } as unknown as DisabledEndpoints,
    });
    await expect(turn()).rejects.toThrow('no Redis');
    fail = false;
    expect(await turn()).toMatchObject({ kind: 'interrupted' });
    expect((await shares.take({ id: 'another', start: 1, parties: [] })).kind).toBe('taken');
  });

  it('delivers though the log cannot be written', async () => {
    const full = () => Promise.reject(new Error('OOM command not allowed'));
    const log = { peek: () => Promise.resolve(undefined), note: full, noteKnown: full } as unknown as DeliveryLog;
    const { run, sent } = world(() => answer(204), { log });
    expect(await run()).toEqual({ kind: 'ended', outcome: 'delivered' });
    expect(sent).toHaveLength(1);
  });
});
