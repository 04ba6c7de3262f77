import { describe, expect, it } from 'vitest';
import type { Outcome } from '../job.js';
import { latencyPhases } from '../operations.js';
import { addUp, endedRecord } from './ended-jobs.js';

const finished_at = new Date(0).toISOString();
const timing_ms = { queue: 0, fetch: 0, preprocess: 10, batch_wait: 0, inference: 1e9, total: 200 };
const outcome = (status: Outcome['status'], more: Partial<Outcome> = {}): string =>
  endedRecord({ status, finished_at, ...more });

/** The minute that ends at 1000 s, with these records in its seconds: 20 of an odd minute, then 40 of an even one. */
const minute = (records: Readonly<Record<number, string>>) => {
  const minutes: [string, string] = ['', ''];
  for (const [second, text] of Object.entries(records)) {
    const time = 940 + Number(second);
    const stamp = String.fromCharCode(48 + (time % 60));
    minutes[Math.floor(time / 60) % 2 === 0 ? 0 : 1] += text.replace(/.{9}/gy, `${stamp}$&`);
  }
  return addUp(1000, minutes);
};

describe('endedRecord', () => {
  it('is printable, of one length, whatever ended and however long it took', () => {
    const records = [
      outcome('succeeded', { timing_ms }),
      outcome('succeeded', { timing_ms, cache: 'hit' }),
      ...(['failed', 'canceled', 'expired'] as const).map((status) => outcome(status)),
    ];
    for (const record of records) expect(record).toMatch(/^[!-~]{9}$/);
  });
});

describe('addUp', () => {
  it('counts each job at its time', () => {
    const { at, counts, history } = minute({
      0: outcome('failed') + outcome('expired'),
      4: outcome('failed'),
      5: outcome('canceled'),
      59: outcome('succeeded', { timing_ms }) + outcome('failed'),
      // Older than the minute, and of the second that has not ended.
      [-1]: outcome('canceled'),
      60: outcome('canceled'),
    });
    expect(at).toEqual(new Date(1_000_000));
    expect(counts).toEqual({ succeeded: 1, failed: 3, canceled: 1, expired: 1 });
    expect(history.map(({ counts: { failed } }) => failed)).toEqual([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect([history[0]?.at, history.at(-1)?.at]).toEqual([new Date(940_000), new Date(995_000)]);
  });

  it('takes latencies of jobs that ran, and none of stored answers: all phases are of the same jobs', () => {
    const { latencies } = minute({ 3: outcome('succeeded', { timing_ms, cache: 'hit' }) + outcome('failed') });
    for (const phase of latencyPhases) expect(latencies[phase].quantile(1)).toBeUndefined();
    const ran = minute({ 3: outcome('succeeded', { timing_ms }), 30: outcome('succeeded', { timing_ms }) }).latencies;
    expect(ran.preprocess.quantile(0.99)).toBeCloseTo(10, 0);
    expect(ran.queue.quantile(0.99)).toBeLessThan(0.13);
    // Longer than the longest there is.
    expect(ran.inference.quantile(1)).toBeGreaterThan(1e8);
  });

  it('reads on behind what an interrupted write or a later release left', () => {
    const { counts, latencies } = minute({ 1: `9${'~'.repeat(8)}${outcome('succeeded', { timing_ms })}0`, 2: '' });
    expect(counts).toEqual({ succeeded: 1, failed: 0, canceled: 0, expired: 0 });
    expect(latencies.total.quantile(0.5)).toBeCloseTo(200, -1);
  });
});
