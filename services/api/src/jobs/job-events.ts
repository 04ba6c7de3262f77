/**
 * What happens to jobs, for those who watch them: any number of listeners over one Redis subscription.
 *
 * A watched job is loading → queued ⇄ processing → ended. Workers publish starts and ends, which are told at once. Where queued
 * jobs stand comes from the snapshot of their queue (queue-positions.ts), looked at every half second for all of them
 * together; the same look finds what a lost message did not tell: a job that should be queued or running and is not where it
 * should be is read, twenty at a time. A job is registered before it is first read, so nothing in between is missed.
 * Every state has a token that says it, so that a client can tell any API process, also one that has just started, which state
 * it has seen (`Last-Event-ID`), and no process remembers that for it.
 * Invariants: what is ended stays so; news that is older than what is known changes nothing; a job that nobody watches is
 * in no map and has no timer; nothing here is per listener but a function in a set.
 */
import {
  finishedChannel,
  isFinal,
  presentJob,
  readFinished,
  readStarted,
  startedChannel,
  type Job,
  type JobRecord,
  type Redis,
} from '@quintet/shared';
import { owns, type Client } from './client.js';
import { isOverdue } from './expire.js';
import { jobsPerTurn, stateOf, tellInTurns, type JobState, type Listener, type Watched } from './job-state.js';
import type { QueuePositions, QueueSnapshot } from './queue-positions.js';
import { jobNotFound, presentStored, type ReadContext } from './read.js';

/** A watched job; `close` is owed. */
export interface Watch {
  readonly state: JobState;
  /** Tells the present state at once, and each one that follows. */
  listen(listener: Listener): void;
  readonly close: () => void;
}

export interface EventsContext extends ReadContext {
  readonly positions: Pick<QueuePositions, 'place' | 'snapshot'>;
}

const lookMs = 500;
const readsAtOnce = 20;
const longestTimerMs = 2 ** 31 - 1;

export class JobEvents {
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #reading = false;

  constructor(private readonly context: EventsContext) {}

  /** How many jobs are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Listens on `subscriber` from now on; ioredis subscribes again after each reconnect. */
  subscribe(subscriber: Redis): void {
    subscriber.on('message', (channel: string, message: string) => {
      if (channel === startedChannel) {
        const { id, startedAt } = readStarted(message);
        this.#news(id, false, (record) => presentJob(record, { progress: { status: 'processing', startedAt } }));
      } else if (channel === finishedChannel) {
        const { id, outcome: read } = readFinished(message);
        if (!this.#watched.has(id)) return;
        const outcome = read();
        if (outcome !== undefined) this.#news(id, true, (record) => presentJob(record, { outcome }));
      }
    });
    // What was published while the connection was away is lost.
    subscriber.on('ready', () => {
      for (const watched of this.#watched.values()) watched.unsure = true;
    });
    // Queued until Redis is there; rejects only when the connection is closed for good.
    subscriber.subscribe(startedChannel, finishedChannel).catch(() => undefined);
  }

  /** Watches the job `id`. Throws `job_not_found`, also where it is another client's. */
  async watch(id: string, client: Client): Promise<Watch> {
    const watched = this.#watched.get(id) ?? this.#register(id);
    watched.holders += 1;
    let open = true;
    const close = (): void => {
      if (open) this.#release(watched);
      open = false;
    };
    try {
      await watched.ready;
      const { record, state } = watched;
      if (record === undefined || state === undefined || !owns(client, record)) throw jobNotFound(id);
      return {
        get state() {
          return watched.state ?? state;
        },
        listen: (listener) => {
          watched.listeners.add(listener);
          listener(watched.state ?? state);
        },
        close,
      };
    } catch (error) {
      close();
      throw error;
    }
  }

  #register(id: string): Watched {
    const watched: Watched = {
      id,
      // In the next turn, when it is registered.
      ready: Promise.resolve().then(() => this.#load(watched)),
      listeners: new Set(),
      holders: 0,
      ended: false,
      newsAt: 0,
      unsure: false,
    };
    this.#watched.set(id, watched);
    this.#schedule();
    return watched;
  }

  #release(watched: Watched): void {
    watched.holders -= 1;
    if (watched.holders > 0) return;
    watched.listeners.clear();
    clearTimeout(watched.deadline);
    this.#watched.delete(watched.id);
    if (this.#watched.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #load(watched: Watched): Promise<void> {
    const { id } = watched;
    const stored = await this.context.store.read(id);
    if (stored === undefined) throw jobNotFound(id);
    const { record, outcome } = stored;
    const begun = performance.now();
    const job = outcome === undefined ? await this.#placed(record) : undefined;
    const read = job ?? (await presentStored(this.context, stored));
    watched.record = record;
    if (watched.newsAt === 0) watched.newsAt = begun;
    // A start that is heard of only now may be of the run that has ended.
    this.#set(watched, record, isFinal(read.status) ? read : (watched.early?.(record) ?? read));
  }

  /** The job where the snapshot, which costs nothing, says that it waits. */
  async #placed(record: JobRecord): Promise<Job | undefined> {
    const snapshot = await this.context.positions.snapshot(record.model.name);
    const position = snapshot.position(record.id);
    if (position === undefined || snapshot.isActive(record.id) || this.#isOverdue(record)) return undefined;
    return presentJob(record, { progress: { status: 'queued', queue: snapshot.place(position) } });
  }

  #isOverdue(record: JobRecord): boolean {
    return isOverdue(record, (this.context.now ?? Date.now)());
  }

  #news(id: string, final: boolean, present: (record: JobRecord) => Job): void {
    const watched = this.#watched.get(id);
    if (watched === undefined || watched.ended) return;
    watched.ended = final;
    watched.newsAt = performance.now();
    watched.unsure = false;
    if (watched.record === undefined) watched.early = present;
    else this.#set(watched, watched.record, present(watched.record));
  }

  #set(watched: Watched, record: JobRecord, job: Job): void {
    const state = stateOf(job);
    watched.ended ||= state.final;
    if (job.status === 'queued') this.#armDeadline(watched, record);
    else clearTimeout(watched.deadline);
    if (watched.state?.token === state.token) return;
    watched.state = state;
    tellInTurns(watched, [...watched.listeners]);
  }

  #armDeadline(watched: Watched, { deadline_ms }: JobRecord): void {
    clearTimeout(watched.deadline);
    if (deadline_ms === undefined) return;
    const left = Math.max(0, deadline_ms - Date.now() + 1);
    watched.deadline = setTimeout(
      () => {
        watched.unsure = true;
        this.#readUnsure();
      },
      Math.min(left, longestTimerMs),
    );
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#looking) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#looking = true;
        this.#look()
          .catch(() => undefined) // Redis is away, and looked at again.
          .finally(() => {
            this.#looking = false;
            if (this.#watched.size > 0) this.#schedule();
          });
      },
      // With thousands, less often: every look may mean an event for each of them.
      Math.max(lookMs, this.#watched.size / 2),
    );
  }

  async #look(): Promise<void> {
    const models = new Set([...this.#watched.values()].map(({ record }) => record?.model.name));
    for (const model of models) {
      if (model === undefined) continue;
      const snapshot = await this.context.positions.snapshot(model);
      let inTurn = 0;
      for (const watched of [...this.#watched.values()]) {
        if (watched.holders === 0 || watched.record?.model.name !== model) continue;
        this.#compare(watched, watched.record, snapshot);
        inTurn += 1;
        if (inTurn % jobsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.#readUnsure();
  }

  #compare(watched: Watched, record: JobRecord, snapshot: QueueSnapshot): void {
    if (watched.ended || watched.newsAt >= snapshot.begunAt) return;
    const status = watched.state?.job.status;
    const position = snapshot.position(watched.id);
    if (snapshot.isActive(watched.id)) {
      // Its start was not heard of, or it is as it should be.
      watched.unsure = status !== 'processing';
    } else if (position !== undefined && !this.#isOverdue(record)) {
      watched.unsure = false;
      const queue = snapshot.place(position);
      this.#set(watched, record, presentJob(record, { progress: { status: 'queued', queue } }));
    } else if (status === 'queued' && position === undefined && snapshot.truncated && !watched.unsure) {
      const queue = snapshot.place(snapshot.known);
      this.#set(watched, record, presentJob(record, { progress: { status: 'queued', queue } }));
    } else {
      watched.unsure = true;
    }
  }

  /** Reads those that are not where they should be, one reader for all. */
  #readUnsure(): void {
    if (this.#reading) return;
    this.#reading = true;
    const readAll = async (): Promise<void> => {
      for (;;) {
        const next = [...this.#watched.values()].filter(
          ({ unsure, ended, record }) => unsure && !ended && record !== undefined,
        );
        if (next.length === 0) return;
        await Promise.all(next.slice(0, readsAtOnce).map((watched) => this.#read(watched)));
      }
    };
    readAll()
      .catch(() => undefined) // Redis is away; they stay unsure until the next look.
      .finally(() => {
        this.#reading = false;
      });
  }

  async #read(watched: Watched): Promise<void> {
    const begun = performance.now();
    const stored = await this.context.store.read(watched.id);
    const job = stored === undefined ? undefined : await presentStored(this.context, stored);
    watched.unsure = false;
    // What was published meanwhile is newer.
    if (watched.ended || watched.newsAt > begun) return;
    if (stored === undefined || job === undefined) {
      watched.ended = true;
      for (const listener of watched.listeners) listener(undefined);
      return;
    }
    watched.newsAt = begun;
    if (watched.holders > 0) this.#set(watched, stored.record, job);
  }
}
