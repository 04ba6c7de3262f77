/**
 * Measures a model while its worker has nothing to do, because that was not done at its start, or on a busy machine.
 *
 *   waiting     until neither this worker nor anybody else has used the machine for a while
 *   measuring   until it is done, or until an order comes: that has the machine at once, and the measurement starts anew later
 *   settled     what was found is kept, for the next start of this worker and for others
 *
 * A measurement that was disturbed is tried again after a longer and longer while. What runs now goes on as it is: another layout
 * would need sessions of its own beside those that serve.
 */
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@quintet/shared';
import { disturbance, watchOthers } from './measure.js';

const quietMs = 10_000;
const longestMs = 600_000;

export interface IdleTuningOptions {
  /** Measures; whether there is nothing left to measure. Rejects, or resolves to false, soon after the signal. */
  readonly measure: (signal: AbortSignal) => Promise<boolean>;
  /** Whether the worker holds an order. */
  readonly isBusy: () => boolean;
  /** How many it is measured on. */
  readonly cores: number;
  readonly logger: Logger;
  /** For tests: sleeps, and what others do meanwhile. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly watch?: () => () => number;
}

export class IdleTuning {
  readonly #stopping = new AbortController();
  #measuring: AbortController | undefined;
  /** Orders that have come. */
  #orders = 0;
  readonly #ended: Promise<void>;

  constructor(private readonly options: IdleTuningOptions) {
    this.#ended = this.#run();
  }

  /** An order has come. */
  work(): void {
    this.#orders += 1;
    this.#measuring?.abort(new Error('an order came'));
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the worker stops'));
    this.#measuring?.abort(new Error('the worker stops'));
    await this.#ended;
  }

  #isTaken(othersCores: number): boolean {
    return disturbance({ scatter: 1, othersCores, machineCores: cpus().length }, this.options.cores) !== undefined;
  }

  async #run(): Promise<void> {
    const { logger, watch = watchOthers } = this.options;
    const wait = this.options.wait ?? (async (ms, signal) => delay(ms, undefined, { signal, ref: false }));
    const { signal } = this.#stopping;
    let pauseMs = quietMs;
    while (!signal.aborted) {
      const before = this.#orders;
      const othersCores = watch();
      try {
        await wait(pauseMs, signal);
      } catch {
        return;
      }
      if (this.#orders > before || this.options.isBusy() || this.#isTaken(othersCores())) continue;
      this.#measuring = new AbortController();
      try {
        if (await this.options.measure(this.#measuring.signal)) return;
      } catch (error) {
        if (!this.#measuring.signal.aborted) logger.warn({ error }, 'measuring while idle failed');
      }
      if (!this.#measuring.signal.aborted) pauseMs = Math.min(longestMs, pauseMs * 2);
      this.#measuring = undefined;
    }
  }
}
