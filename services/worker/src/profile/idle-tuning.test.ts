import type { Logger } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { IdleTuning } from './idle-tuning.js';

/** A worker on paper: time passes when the test says so. */
function setUp({ result = () => Promise.resolve(true) }: { result?: (signal: AbortSignal) => Promise<boolean> } = {}) {
  const pauses: number[] = [];
  const warned: unknown[] = [];
  let others = 0;
  let busy = false;
  let measured = 0;
  let wake: (() => void) | undefined;
  const tuning = new IdleTuning({
    measure: (signal) => {
      measured += 1;
      return result(signal);
    },
    isBusy: () => busy,
    cores: 1,
    logger: { warn: (fields: unknown) => warned.push(fields) } as unknown as Logger,
    // The machine has at least one core; all of them are taken.
    watch: () => () => others * 1000,
    wait: (ms, signal) =>
      new Promise((resolve, reject) => {
        pauses.push(ms);
        wake = resolve;
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    tuning,
    pauses,
    warned,
    measured: () => measured,
    setOthers: (cores: number) => (others = cores),
    setBusy: (held: boolean) => (busy = held),
    pass: async () => {
      wake?.();
      await settle();
    },
    settle,
  };
}

describe('tuning while idle', () => {
  it('measures once, after a while in which nothing happened', async () => {
    const { pass, measured, pauses } = setUp();
    expect(measured()).toBe(0);
    await pass();
    expect(measured()).toBe(1);
    await pass();
    expect(pauses).toEqual([10_000]);
  });

  it('waits while orders come, are held, or others use the machine', async () => {
    const { tuning, pass, measured, setOthers, setBusy } = setUp();
    tuning.work();
    await pass();
    setBusy(true);
    await pass();
    setBusy(false);
    setOthers(1);
    await pass();
    expect(measured()).toBe(0);
    setOthers(0);
    await pass();
    expect(measured()).toBe(1);
  });

  it('gives the machine to an order at once, and measures anew later', async () => {
    let aborted = 0;
    const { tuning, pass, measured, pauses, warned, settle } = setUp({
      result: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted += 1;
            reject(signal.reason as Error);
          });
        }),
    });
    await pass();
    tuning.work();
    await settle();
    expect(aborted).toBe(1);
    await pass();
    expect(measured()).toBe(2);
    // As soon as before, and without a word: nothing was wrong.
    expect([pauses, warned]).toEqual([[10_000, 10_000], []]);
    await tuning.stop();
    expect(aborted).toBe(2);
  });

  it('tries a measurement that was disturbed, or failed, again after longer and longer', async () => {
    let round = 0;
    const { tuning, pass, pauses, warned } = setUp({
      result: () => {
        round += 1;
        return round === 2 ? Promise.reject(new Error('no memory')) : Promise.resolve(false);
      },
    });
    for (let index = 0; index < 9; index += 1) await pass();
    expect(pauses.slice(0, 4)).toEqual([10_000, 20_000, 40_000, 80_000]);
    expect(pauses.at(-1)).toBe(600_000);
    expect(warned).toHaveLength(1);
    await tuning.stop();
  });

  it('ends with the worker', async () => {
    const { tuning, pass, measured } = setUp();
    await tuning.stop();
    await pass();
    expect(measured()).toBe(0);
  });
});
