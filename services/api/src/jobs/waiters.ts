/**
 * Waiting for jobs to end, for any number of requests over one Redis subscription.
 *
 * A waiter is registered before the job is read, or even before it is submitted, so an end in between wakes it. Pub/sub
 * loses messages while the connection is away, so every waiter also looks again every two seconds or so, and when the job is
 * overdue.
 *
 *   waiting → woken (published, or time to look again) → waiting or done
 *   waiting → done (deadline, client gone, shutdown)
 * Invariant: a waiter that is done is in no map and holds no timer.
 */
import { finishedChannel, isFinal, readFinished, type Job, type Outcome, type Redis } from '@quintet/shared';
import { msUntilOverdue } from './start-deadline.js';

/**
 * When a waiter looks again: after about 2 s, or later where so many wait that this would be more than a thousand looks a
 * second. Spread, so that waiters that came together do not look together.
 */
function pollMs(waiters: number): number {
  return Math.max(2000, waiters) * (0.9 + Math.random() * 0.2);
}

export interface WaitOptions {
  /** Milliseconds from now. */
  readonly timeoutMs: number;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** A job whose state at the time of registration, and what an outcome makes of it, the waiter knows itself. */
export interface KnownJob {
  readonly job: Job;
  end(outcome: Outcome): Job;
}

/** A registered waiter; `close` is owed. */
export interface Waiter {
  /**
   * Reads the job until it has ended, the time is over, the client has gone or the service stops; the last state read.
   * Rejects where `read` does. Where the job is `known`, nothing is read unless a message was lost.
   */
  untilEnded(read: () => Promise<Job>, timeoutMs: number, known?: KnownJob): Promise<Job>;
  close(): void;
}

export class JobWaiters {
  readonly #waiting = new Map<string, Set<Wake>>();
  #size = 0;
  #closed = false;

  constructor(private readonly onSize: (size: number) => void = () => undefined) {}

  /** Listens on `subscriber` from now on; ioredis subscribes again after each reconnect. */
  subscribe(subscriber: Redis): void {
    subscriber.on('message', (channel: string, message: string) => {
      if (channel !== finishedChannel) return;
      const { id, outcome } = readFinished(message);
      if (this.#waiting.has(id)) this.notify(id, outcome());
    });
    // Queued until Redis is there; rejects only when the connection is closed for good.
    subscriber.subscribe(finishedChannel).catch(() => undefined);
  }

  /** Wakes those who wait for the job `id`; with its outcome, they need not read it. */
  notify(id: string, outcome?: Outcome): void {
    wakeInTurns([...(this.#waiting.get(id) ?? [])], outcome);
  }

  /** Ends every wait, now and from now on: each request answers with the state of its job as it stands. */
  close(): void {
    this.#closed = true;
    wakeInTurns(
      [...this.#waiting.values()].flatMap((set) => [...set]),
      undefined,
    );
  }

  /** As a Waiter that is registered now, waits, and is closed. */
  async wait(id: string, read: () => Promise<Job>, { timeoutMs, signal }: WaitOptions): Promise<Job> {
    const waiter = this.open(id, signal);
    try {
      return await waiter.untilEnded(read, timeoutMs);
    } finally {
      waiter.close();
    }
  }

  /** Registers a waiter for the job `id`, which need not exist yet. */
  open(id: string, signal: AbortSignal): Waiter {
    const bell = this.listen(id, signal);
    return {
      untilEnded: async (read, timeoutMs, known) => {
        const deadline = performance.now() + timeoutMs;
        let job = known?.job;
        for (;;) {
          if (job === undefined) {
            bell.rearm();
            job = await read();
          }
          const left = deadline - performance.now();
          if (isFinal(job.status) || left <= 0) return job;
          const overdue = msUntilOverdue(job, Date.now()) ?? Infinity;
          const outcome = await bell.rung(Math.min(left, overdue, pollMs(this.#size)));
          if (outcome !== undefined && known !== undefined) return known.end(outcome);
          if (signal.aborted || this.#closed) return job;
          job = undefined;
        }
      },
      close: bell.remove,
    };
  }

  /** Whether every wait ends at once from now on. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Listens for news of `id`, a job's or a batch's, until `remove` is called, which is owed. */
  listen(id: string, signal: AbortSignal): Bell {
    let ring: Wake = () => undefined;
    let pending = Promise.resolve<Outcome | undefined>(undefined);
    const rearm = (): void => {
      pending = new Promise((resolve) => {
        ring = resolve;
      });
    };
    rearm();
    const wake: Wake = (outcome) => {
      ring(outcome);
    };
    const leave = (): void => {
      ring(undefined);
    };
    const set = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, set.add(wake));
    signal.addEventListener('abort', leave);
    this.onSize(++this.#size);
    return {
      rearm,
      rung: async (ms: number): Promise<Outcome | undefined> => {
        if (signal.aborted || this.#closed) return undefined;
        let timer: NodeJS.Timeout | undefined;
        const timeout = new Promise<undefined>((resolve) => {
          timer = setTimeout(resolve, ms, undefined);
        });
        const outcome = await Promise.race([pending, timeout]);
        clearTimeout(timer);
        return outcome;
      },
      remove: (): void => {
        if (!set.delete(wake)) return;
        if (set.size === 0 && this.#waiting.get(id) === set) this.#waiting.delete(id);
        signal.removeEventListener('abort', leave);
        this.onSize(--this.#size);
      },
    };
  }
}

export interface Bell {
  /** Rings from before this call are forgotten. */
  readonly rearm: () => void;
  /** Resolves at the first ring since the registration or `rearm`, to what it told, or after `ms`. */
  readonly rung: (ms: number) => Promise<Outcome | undefined>;
  readonly remove: () => void;
}

type Wake = (outcome: Outcome | undefined) => void;

/** Every waiter that wakes reads and answers, which takes about 0.1 ms: thousands at once would hold the event loop. */
const wakesPerTurn = 100;

function wakeInTurns(wakes: readonly Wake[], outcome: Outcome | undefined, from = 0): void {
  for (const wake of wakes.slice(from, from + wakesPerTurn)) wake(outcome);
  const next = from + wakesPerTurn;
  if (next < wakes.length) {
    setImmediate(() => {
      wakeInTurns(wakes, outcome, next);
    });
  }
}
