/** A machine on paper: a clock that jumps from event to event, and streams whose batches take exactly what they should. */
import type { BatchRunner, Clock } from './micro-batcher.js';

interface Event {
  readonly time: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Lets promises that are settled run their callbacks. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

export class SimulatedClock implements Clock {
  #time = 0;
  #count = 0;
  #events: Event[] = [];

  now(): number {
    return this.#time;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const event = { time: this.#time + milliseconds, order: this.#count++, callback };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  /** Runs every event in the order of time; `check` sees the machine after each. */
  async run(check: () => void = () => undefined): Promise<void> {
    for (;;) {
      const next = this.#events.reduce<Event | undefined>(
        (best, event) =>
          best === undefined || event.time < best.time || (event.time === best.time && event.order < best.order)
            ? event
            : best,
        undefined,
      );
      if (next === undefined) return;
      this.#events = this.#events.filter((event) => event !== next);
      this.#time = Math.max(this.#time, next.time);
      next.callback();
      await settled();
      check();
    }
  }
}

export interface Run {
  readonly items: readonly number[];
  readonly started: number;
  readonly ended: number;
}

/** `streams` equal streams; a batch that holds an item of `poison` fails. */
export class SimulatedStreams implements BatchRunner<number, number> {
  readonly runs: Run[] = [];
  onIdle: () => void = () => undefined;
  idle: number;

  constructor(
    private readonly clock: Clock,
    streams: number,
    readonly maxBatch: number,
    readonly latency: (size: number) => number,
    private readonly poison: ReadonlySet<number> = new Set(),
  ) {
    this.idle = streams;
  }

  run(items: readonly number[]): Promise<readonly number[]> {
    if (this.idle === 0) throw new Error('no stream is idle');
    if (items.length === 0 || items.length > this.maxBatch) throw new Error(`a batch of ${items.length}`);
    this.idle -= 1;
    const started = this.clock.now();
    return new Promise((resolve, reject) => {
      this.clock.after(this.latency(items.length), () => {
        this.runs.push({ items, started, ended: this.clock.now() });
        this.idle += 1;
        if (items.some((item) => this.poison.has(item))) reject(new Error('poison'));
        else resolve(items);
        this.onIdle();
      });
    });
  }
}
