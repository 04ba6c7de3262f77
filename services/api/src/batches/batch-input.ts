/** One picture of a batch as its upload gives it, before it is anything else. */
import type { ProblemError } from '@quintet/shared';

/** The bytes; an address to fetch them from; or why there are none, which fails this item and no other. */
export type ItemSource = { readonly image: Buffer } | { readonly url: string } | { readonly problem: ProblemError };

export interface BatchInput {
  /** What the client calls it: a file's name, a path in an archive, an address. A label, never a path here. */
  readonly name: string;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly source: ItemSource;
}

/** Takes the items of an upload one by one, in order; the caller waits for each, which is the upload's backpressure. */
export interface BatchSink {
  add(input: BatchInput): Promise<void>;
}
