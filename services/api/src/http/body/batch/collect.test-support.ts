/** What the tests of the batch readers share. */
import { ProblemError } from '@quintet/shared';
import type { BatchInput } from '../../../batches/index.js';
import { withSpool } from './spool.js';
import { tarItems } from './tar-items.js';
import { zipItems } from './zip-items.js';
import type { ArchiveLimits } from './archive-limits.js';

/** An item as a test compares it: its name, and its bytes or the code of its failure. */
export type Seen = readonly [name: string, what: Buffer | string];

export const limits: ArchiveLimits = { maxItems: 20, maxBytes: 4_000_000, maxItemBytes: 1_000_000 };

export async function* inPieces(bytes: Buffer, length = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

export function seen({ name, source }: BatchInput): Seen {
  if ('image' in source) return [name, source.image];
  return [name, 'problem' in source ? source.problem.code : source.url];
}

async function collect(items: AsyncIterable<BatchInput>): Promise<Seen[]> {
  const all: Seen[] = [];
  for await (const item of items) all.push(seen(item));
  return all;
}

export const fromZip = (archive: Buffer, given: ArchiveLimits = limits): Promise<Seen[]> =>
  withSpool(inPieces(archive), 10_000_000, (spool) => collect(zipItems(spool, given)));

export const fromTar = (archive: Buffer, given: ArchiveLimits = limits, piece?: number): Promise<Seen[]> =>
  collect(tarItems(inPieces(archive, piece), given));

/** The code that `work` fails with. Anything that is no ProblemError is a fault. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof ProblemError) return error.code;
    throw error;
  }
}
