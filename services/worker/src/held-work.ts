/**
 * What a worker holds only so much of, and for how long each may stand still before the worker is taken for stuck.
 *
 * The threads that decode and infer are watched by their pools, which replace one that hangs. What stalls here is what no pool found:
 * the worker is no longer ready, says why, and ends soon after. Whoever supervises it starts another, and its orders go to other
 * workers when their locks run out. An order that stalls one worker after the other is found out as one that kills them
 * (consume/consumer.ts).
 */
import type { Logger, WatchedPlace, Watchdog } from '@quintet/shared';

/** Beyond the limit of the pool that replaces a thread: for its end, and for the start of the next. */
const replaceMs = 60_000;

/** How late the end of a fetch may be on a busy machine. */
const lateMs = 10_000;

interface HeldWorkOptions {
  readonly watchdog: Watchdog;
  /** For how long a preprocessing thread may answer nothing. */
  readonly silenceMs: number;
  /** Of one run of the model. */
  readonly runLimitMs: number;
  /** Of one attempt to fetch. */
  readonly fetchTimeoutMs: number;
  readonly logger: Logger;
  /** Ends the process. */
  readonly onFatal: (error: Error) => void;
}

/** Where orders are while they are in this worker's own hands: everywhere but in Redis. */
export interface HeldWork {
  /** Orders that wait for a slot. */
  readonly slots: WatchedPlace;
  readonly pictures: WatchedPlace;
  /** Crops and tensors that wait for a batch or are in one. */
  readonly crops: WatchedPlace;
  readonly fetches: WatchedPlace;
}

export function watchHeldWork({ watchdog, logger, onFatal, ...times }: HeldWorkOptions): HeldWork {
  const watch = (name: string, limitMs: number): WatchedPlace =>
    watchdog.watchVital({ name, limitMs, logger, onFatal });
  const decodingMs = times.silenceMs + replaceMs;
  const inferenceMs = times.runLimitMs + replaceMs;
  return {
    // A slot is free again once its picture was decoded and classified.
    slots: watch('orders that wait for a slot', decodingMs + inferenceMs),
    pictures: watch('pictures', decodingMs),
    crops: watch('crops', inferenceMs),
    // An attempt ends by itself in its time limit.
    fetches: watch('fetches', 2 * times.fetchTimeoutMs + lateMs),
  };
}
