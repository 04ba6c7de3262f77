/** What makes two submissions of a batch the same to an Idempotency-Key: its items in their order, and its options. */
import { countedOptions, fingerprintOf } from '../jobs/index.js';
import type { BatchOptions } from './batch-options.js';
import type { StagedItem } from './staging.js';

/** `items` as staged with their digests; an item that is no picture counts by the reason. */
export function batchFingerprint(
  route: string,
  items: readonly StagedItem[],
  options: BatchOptions,
  defaultModel: string | undefined,
): string {
  const contents = items.map(({ name, metadata, digest, url, problem }) => [
    name,
    metadata,
    digest ?? url ?? problem?.code ?? '',
  ]);
  return fingerprintOf([route, contents, countedOptions(options, defaultModel)]);
}
