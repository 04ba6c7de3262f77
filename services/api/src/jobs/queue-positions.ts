/**
 * Where every waiting job of a model stands, for any number of readers.
 *
 * Nobody asks Redis for the place of one job, which costs it a walk through the list. The lists are read as a whole, at most
 * every half second and only when somebody asks, into a map that all readers share. They are read in pieces of a thousand
 * ids, a round trip each, so that neither Redis nor this event loop is held for more than a millisecond or two.
 *
 * BullMQ's workers take jobs from the end of the list `wait`, then the lowest score of the sorted set `prioritized`; jobs in
 * `delayed` (they failed once) and in `waiting-children` (their picture is being fetched) go to one of these when they may.
 * The lists change while they are read. Each piece is read from the far end towards the jobs that go next: what leaves
 * meanwhile makes the rest come closer, so that a job is seen twice and never missed. The active ones are read last: a job
 * that starts meanwhile is among both, and counts as active. One that goes back meanwhile is in neither, which says nothing.
 * Trade-off: past `mostJobs` nobody is told a place but "at least so many"; in return a snapshot is bounded in time and memory.
 */
import type { QueuePlace } from '@quintet/shared';
import { cached } from './cached.js';
import { queuePlace } from './drain-rate.js';

const snapshotMs = 500;
const pieceOfJobs = 1000;
const mostJobs = 20_000;

/** In the order in which workers empty them. */
export const waitingLists = ['wait', 'prioritized', 'delayed', 'waiting-children'] as const;
export type WaitingList = (typeof waitingLists)[number];

/** The queue of a model, as QueuePositions looks at it. */
export interface QueueLists {
  lengths(model: string): Promise<Record<WaitingList, number>>;
  /** Ids of a list, those before which none goes first: `from` (0 is next) to `to`, both included. */
  range(model: string, list: WaitingList, from: number, to: number): Promise<string[]>;
  active(model: string, most: number): Promise<string[]>;
}

export interface QueueSnapshot {
  /** When it was begun, on the clock of performance.now(): what happened later may not be in it. */
  readonly begunAt: number;
  /** Jobs before this one; undefined where it was not among those looked at. */
  position(id: string): number | undefined;
  isActive(id: string): boolean;
  /** Waiting jobs whose place is known: a job that is not among them has at least so many before it. */
  readonly known: number;
  /** Whether there are more than that. */
  readonly truncated: boolean;
  /** What a client is told of a place, by the rate at which the queue is drained. A job whose picture is not there yet has no time. */
  place(position: number): QueuePlace;
}

export class QueuePositions {
  readonly #snapshots = new Map<string, () => Promise<QueueSnapshot>>();

  constructor(
    private readonly lists: QueueLists,
    /** Images per second at which the queue of a model is drained. */
    private readonly rateOf: (model: string) => Promise<number>,
    private readonly limits: { readonly jobs: number; readonly piece: number } = {
      jobs: mostJobs,
      piece: pieceOfJobs,
    },
  ) {}

  /** At most half a second old. Models are few: those that workers have announced. */
  snapshot(model: string): Promise<QueueSnapshot> {
    let snapshot = this.#snapshots.get(model);
    if (snapshot === undefined) {
      snapshot = cached(snapshotMs, () => this.#take(model));
      this.#snapshots.set(model, snapshot);
    }
    return snapshot();
  }

  /** The place of a job that is known to wait. One that is newer than the snapshot stands behind all that are in it. */
  async place(model: string, id: string): Promise<QueuePlace> {
    const snapshot = await this.snapshot(model);
    return snapshot.place(snapshot.position(id) ?? snapshot.known);
  }

  async #take(model: string): Promise<QueueSnapshot> {
    const begunAt = performance.now();
    const [lengths, rate] = await Promise.all([this.lists.lengths(model), this.rateOf(model)]);
    const positions = new Map<string, number>();
    let truncated = false;
    // Jobs that workers can take. When the others can be taken, nobody knows.
    let ready = 0;
    for (const list of waitingLists) {
      const length = Math.min(lengths[list], this.limits.jobs - positions.size);
      truncated ||= length < lengths[list];
      const ids = await this.#read(model, list, length);
      for (const id of ids) if (!positions.has(id)) positions.set(id, positions.size);
      if (list === 'wait' || list === 'prioritized') ready = positions.size;
    }
    const active = new Set(await this.lists.active(model, this.limits.jobs));
    // A job that is newer than this may be anywhere.
    const isReady = (position: number): boolean => position < ready || position >= positions.size;
    return {
      begunAt,
      known: positions.size,
      truncated,
      position: (id) => positions.get(id),
      isActive: (id) => active.has(id),
      place: (position) => queuePlace(position, isReady(position) ? rate : 0),
    };
  }

  async #read(model: string, list: WaitingList, length: number): Promise<string[]> {
    const pieces: string[][] = [];
    const { piece } = this.limits;
    for (let from = Math.max(0, Math.ceil(length / piece) - 1) * piece; from >= 0 && length > 0; from -= piece) {
      pieces.unshift(await this.lists.range(model, list, from, Math.min(from + piece, length) - 1));
    }
    return pieces.flat();
  }
}
