/**
 * Open event streams (Server-Sent Events), each of which tells the states of one job.
 *
 * A stream is open → ended (the final state was written, the service stops, or the job's record is gone) → closed; or it is
 * cut: the client left, or has taken nothing for four heartbeats.
 * Every event carries the whole job, so a reader that is slower than the events loses nothing but states that are past: while
 * more than `mostBuffered` bytes wait for it nothing is written, and what is current when it has caught up is written then.
 * Invariants: what waits for one reader is bounded by that and one event; a closed stream is in no set; one timer beats for all.
 */
import { ProblemError, type Job } from '@quintet/shared';
import type { JobState } from '../jobs/index.js';

/** Of a response, what a stream needs. */
export interface EventSink {
  readonly writableLength: number;
  write(chunk: string): boolean;
  end(chunk?: string): unknown;
  destroy(): unknown;
  on(event: 'drain' | 'close', listener: () => void): unknown;
}

export interface EventStream {
  /** Tells the state, unless it is the one that was told last; undefined: there is nothing more to tell. */
  send(state: JobState | undefined): void;
}

export interface EventStreamsOptions {
  readonly heartbeatMs: number;
  /** How many may be open at once. */
  readonly most: number;
  readonly onSize: (size: number) => void;
}

export const mostBuffered = 64 * 1024;
const stalledBeats = 4;
const beatsPerTurn = 200;
/** Milliseconds after which an EventSource connects again. */
const reconnectMs = 1000;

export class EventStreams {
  readonly #open = new Set<Stream>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(private readonly options: EventStreamsOptions) {}

  /** Throws `streams_busy` where there may be no other. */
  requireRoom(): void {
    if (this.#open.size < this.options.most) return;
    throw new ProblemError('streams_busy', `${this.options.most} event streams are open, and no more may be.`, {
      headers: { 'Retry-After': '5' },
    });
  }

  /** Begins a stream on `sink`, whose headers are set, for a client that has received the state `received`. */
  open(sink: EventSink, received: string | undefined): EventStream {
    const stream = new Stream(sink, received);
    this.#open.add(stream);
    this.options.onSize(this.#open.size);
    this.#timer ??= setInterval(() => {
      beatInTurns([...this.#open]);
    }, this.options.heartbeatMs);
    sink.on('drain', () => {
      stream.drained();
    });
    sink.on('close', () => {
      this.#open.delete(stream);
      this.options.onSize(this.#open.size);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    sink.write(`retry: ${reconnectMs}\n\n`);
    // A stopping service tells how things stand, and lets the client go elsewhere.
    return this.#closed
      ? {
          send: (state) => {
            stream.send(state);
            stream.end();
          },
        }
      : stream;
  }

  /** Ends every stream, now and from now on: clients connect again, to another process. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#open) stream.end();
  }
}

class Stream implements EventStream {
  #current: JobState | undefined;
  #ended = false;
  #beatsUnread = 0;

  constructor(
    private readonly sink: EventSink,
    private sent: string | undefined,
  ) {}

  send(state: JobState | undefined): void {
    if (this.#ended) return;
    if (state === undefined) {
      this.end();
      return;
    }
    this.#current = state;
    if (state.final) {
      this.#ended = true;
      this.sink.end(state.token === this.sent ? undefined : frameOf(state));
    } else if (state.token !== this.sent && this.sink.writableLength <= mostBuffered) {
      this.sent = state.token;
      this.sink.write(frameOf(state));
    }
  }

  /** The reader has caught up. */
  drained(): void {
    this.#beatsUnread = 0;
    if (this.#current !== undefined) this.send(this.#current);
  }

  /** Keeps proxies from taking the connection for dead, and finds the reader that is. */
  beat(): void {
    this.#beatsUnread = this.sink.writableLength > 0 ? this.#beatsUnread + 1 : 0;
    if (this.#beatsUnread >= stalledBeats) this.sink.destroy();
    else if (this.#beatsUnread === 0 && !this.#ended) this.sink.write(':\n\n');
  }

  end(): void {
    if (!this.#ended) this.sink.end();
    this.#ended = true;
  }
}

const frames = new WeakMap<Job, string>();

/** The event of a state, written once for all who are told it. JSON has no line breaks outside of strings, nor in them. */
export function frameOf({ job, token }: JobState): string {
  let frame = frames.get(job);
  if (frame === undefined) {
    frame = `event: status\nid: ${token}\ndata: ${JSON.stringify(job)}\n\n`;
    frames.set(job, frame);
  }
  return frame;
}

function beatInTurns(streams: readonly Stream[], from = 0): void {
  for (const stream of streams.slice(from, from + beatsPerTurn)) stream.beat();
  const next = from + beatsPerTurn;
  if (next < streams.length) {
    setImmediate(() => {
      beatInTurns(streams, next);
    });
  }
}
