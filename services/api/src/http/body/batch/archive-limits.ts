/** What an archive may cost, whatever it says of itself. Counted by ZIP and TAR alike, on bytes that really came out. */
import { ProblemError } from '@quintet/shared';
import { tooLargeBatch, tooManyItems, type ItemSource } from '../../../batches/index.js';

export interface ArchiveLimits {
  /** Pictures of a batch. An archive may have folders and by-files beside them, as many again. */
  readonly maxItems: number;
  /** Bytes of all entries together. */
  readonly maxBytes: number;
  /** Bytes of one entry. */
  readonly maxItemBytes: number;
}

/** Pictures are compressed already: more than this, beyond the first `freeBytes`, is no archive of pictures. */
const mostExpansion = 200;
const freeBytes = 16 * 1024 * 1024;

export class ArchiveMeter {
  #entries = 0;
  #bytes = 0;

  constructor(
    private readonly limits: ArchiveLimits,
    /** Bytes of the archive as sent, so far. */
    private readonly sent: () => number,
  ) {}

  static mostEntries({ maxItems }: ArchiveLimits): number {
    return 2 * maxItems + 100;
  }

  /** Counts an entry of any kind. Throws where there are too many. */
  entry(): void {
    this.#entries += 1;
    if (this.#entries > ArchiveMeter.mostEntries(this.limits)) throw tooManyItems(this.limits.maxItems);
  }

  /** Counts unpacked bytes. Throws where they are too many, or too many for what was sent. */
  unpacked(bytes: number): void {
    this.#bytes += bytes;
    const { maxBytes } = this.limits;
    if (this.#bytes > maxBytes) throw tooLargeBatch(maxBytes);
    if (this.#bytes > freeBytes && this.#bytes > mostExpansion * this.sent()) {
      throw new ProblemError('batch_too_large', `The archive unpacks to more than ${mostExpansion} times its size.`);
    }
  }
}

/** Whether an entry is a by-file of an operating system, which nobody meant to send. */
export function isByFile(name: string): boolean {
  const steps = name.split('/');
  const last = steps.at(-1) ?? '';
  return (
    steps.includes('__MACOSX') || last.startsWith('._') || ['.DS_Store', 'Thumbs.db', 'desktop.ini'].includes(last)
  );
}

/** Whether what was thrown while an archive was read is no fault of the archive: a refusal of ours, or a disk that cannot be read. */
export function isOurs(error: unknown): boolean {
  return error instanceof ProblemError || (error instanceof Error && 'syscall' in error);
}

export function malformedArchive(error: unknown): unknown {
  if (isOurs(error)) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ProblemError('archive_malformed', `The archive cannot be read: ${detail.slice(0, 200)}.`, {
    cause: error,
  });
}

export function entryTooLarge(limit: number): ItemSource {
  return {
    problem: new ProblemError('body_too_large', `The picture has more than the ${limit} bytes that are accepted.`),
  };
}
