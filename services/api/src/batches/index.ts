export type { BatchInput, BatchSink, ItemSource } from './batch-input.js';
export { parseBatchOptions, parseBatchTextOptions, type BatchOptions } from './batch-options.js';
export { batchResults, type ResultsContext } from './batch-results.js';
export { cancelBatch, type CancelBatchContext } from './cancel-batch.js';
export { findBatch, readBatch, type ReadBatchContext } from './read-batch.js';
export { resultsFormats, writeResults } from './results-format.js';
export { BatchStaging, tooLargeBatch, tooManyItems } from './staging.js';
export { checkRoom, submitBatch, type SubmitBatchContext } from './submit-batch.js';
export { waitForBatch } from './wait-batch.js';
