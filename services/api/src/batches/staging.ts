/**
 * The pictures of a batch between their arrival and the acceptance of the batch.
 *
 *   staging (add) → sealed by submit-batch.ts, or discarded
 * Each picture is checked and put into Redis as it arrives, under the id that its job will have, so that a request holds one or
 * two in memory, never the batch. A picture that is bad takes its place as a failed item. Room in Redis is asked for each picture, as
 * the upload may say nothing of what is in it; where there is none, the batch is refused, unless its key was used before: then
 * nothing more is kept, and it can only be a repetition.
 * Invariant: what was staged and not sealed is unlinked, or expires within `stagingSeconds` where this process dies.
 */
import { randomUUID } from 'node:crypto';
import type { ImageLimits } from '@quintet/images';
import { ProblemError, sha256Hex, stagingSeconds } from '@quintet/shared';
import type { BatchStore, JobStore, Problem } from '@quintet/shared';
import { checkImage, type MemoryGuard } from '../jobs/index.js';
import type { BatchInput, BatchSink, ItemSource } from './batch-input.js';
import { urlItemProblem } from './url-items.js';

export interface StagingContext {
  readonly jobs: Pick<JobStore, 'stageImage'>;
  readonly batches: Pick<BatchStore, 'discard'>;
  readonly memory: Pick<MemoryGuard, 'take'>;
  readonly imageLimits: ImageLimits;
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly allowPrivateHosts: boolean;
}

export interface StagedItem {
  readonly jobId: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Where its picture is to be fetched from; absent where it is stored. */
  readonly url?: string;
  /** With which its job fails at once. */
  readonly problem?: Problem;
  /** SHA-256 of the picture in hex, where somebody asked for it. */
  readonly digest?: string;
}

const longestName = 255;

export class BatchStaging implements BatchSink {
  readonly id = randomUUID();
  readonly #items: StagedItem[] = [];
  #bytes = 0;
  #textLength = 0;
  /** Why nothing more is kept. */
  #full: ProblemError | undefined;

  constructor(
    private readonly context: StagingContext,
    /** Aborted when the client has gone: nothing more is staged then. */
    private readonly signal: AbortSignal,
    /** Whether it repeats an earlier submission; absent where it has no key. Where it has, digests of the pictures are made. */
    private readonly repeats?: () => Promise<boolean>,
  ) {}

  get items(): readonly StagedItem[] {
    return this.#items;
  }

  /** Takes room for the jobs of its items. Throws where there is none, or was none for a picture. */
  async takeRoomForJobs(): Promise<void> {
    if (this.#full !== undefined) throw this.#full;
    await this.context.memory.take(this.#textLength, this.#items.length);
  }

  /** Bytes of the pictures so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Checks and keeps one item. Throws what fails the whole batch. */
  async add({ name, metadata = {}, source }: BatchInput): Promise<void> {
    const { maxItems, maxBytes } = this.context;
    if (this.#items.length >= maxItems) throw tooManyItems(maxItems);
    if (this.signal.aborted) throw new ProblemError('upload_incomplete', 'The connection ended before the upload did.');
    if ('image' in source) this.#bytes += source.image.length;
    if (this.#bytes > maxBytes) throw tooLargeBatch(maxBytes);
    const jobId = randomUUID();
    const problem = this.#problemOf(source)?.toProblem();
    const digest = this.repeats !== undefined && 'image' in source ? await sha256Hex(source.image) : undefined;
    const item: StagedItem = {
      jobId,
      name: label(name),
      metadata,
      ...('url' in source ? { url: source.url } : {}),
      ...(problem === undefined ? {} : { problem }),
      ...(digest === undefined ? {} : { digest }),
    };
    // Before it is sent: what may have reached Redis is what discard() must unlink.
    this.#items.push(item);
    this.#textLength += JSON.stringify(item).length;
    if ('image' in source && problem === undefined && (await this.#takeRoom(source.image.length))) {
      await this.context.jobs.stageImage(jobId, source.image, stagingSeconds);
    }
  }

  async #takeRoom(bytes: number): Promise<boolean> {
    if (this.#full !== undefined) return false;
    try {
      await this.context.memory.take(bytes, 0);
      return true;
    } catch (full) {
      if (!(full instanceof ProblemError) || this.repeats === undefined || !(await this.repeats())) throw full;
      this.#full = full;
      return false;
    }
  }

  /** Unlinks all of it. Best effort: what stays expires. */
  async discard(): Promise<void> {
    const ids = this.#items.map(({ jobId }) => jobId);
    await this.context.batches.discard(this.id, ids).catch(() => undefined);
  }

  #problemOf(source: ItemSource): ProblemError | undefined {
    if ('problem' in source) return source.problem;
    if ('url' in source) return urlItemProblem(source.url, this.context.allowPrivateHosts);
    try {
      checkImage(source.image, this.context.imageLimits);
      return undefined;
    } catch (error) {
      if (error instanceof ProblemError) return error;
      throw error;
    }
  }
}

/** A name as it is kept and shown: without control characters, cut to a bearable length. */
function label(name: string): string {
  return name.slice(0, longestName).replaceAll(/[\p{Cc}\p{Surrogate}]/gu, '\ufffd');
}

export function tooManyItems(limit: number): ProblemError {
  return new ProblemError('batch_too_many_items', `The batch has more than the ${limit} items that are accepted.`);
}

export function tooLargeBatch(limit: number): ProblemError {
  return new ProblemError(
    'batch_too_large',
    `The batch has more than the ${limit} bytes that are accepted, as sent or unpacked.`,
  );
}
