export { catalogue, findCatalogueEntry, type CatalogueEntry } from './catalogue.js';
export { USAGE, obtainModel, type CliContext } from './commands.js';
export { type TransferTiming } from './download.js';
export { ensureDefaultModel, type DefaultModelOptions } from './default-model.js';
export { ensureModel, type EnsureModelOptions } from './ensure-model.js';
export { ModelError, type ModelErrorCode } from './errors.js';
export { sha256File } from './hash.js';
export { importCheckpoint, type ImportedModel, type ImportOptions } from './import/import-checkpoint.js';
export { acquireLock, type LockHolder, type LockOptions, type Release } from './lock.js';
export { assertNoModel, listModelFolders, writeOwnModel, type OwnModelOptions } from './install.js';
export {
  DEFAULT_PREPROCESS,
  IMAGENET_LABELS_PATH,
  MODEL_NAME,
  Manifest,
  Preprocess,
  assertModelName,
  loadModel,
  parseLabels,
  readLabels,
  type Label,
  type Model,
} from './load-model.js';
export {
  barProgress,
  defaultProgress,
  formatBytes,
  logProgress,
  type Log,
  type Progress,
  type ProgressSink,
} from './progress.js';
export { encodeModel, furtherOutputs, type Initializer, type OnnxModel, type OnnxNode } from './onnx/encode.js';
export { GraphBuilder, type BuiltGraph, type Chunks, type GraphStatistics } from './onnx/graph-builder.js';
export { findLinearHead, readLinearHead, type LinearHead } from './onnx/linear-head.js';
export { readGraph, type ModelGraph } from './onnx/read-graph.js';
export { buildResnet50, type Resnet50Options, type StridePlace } from './onnx/resnet50.js';
export { buildResnet50Int8 } from './quantize/resnet50-int8.js';
export { readModel } from './onnx/read-model.js';
export { quantizeModel, tensorsToMeasure, type QuantizeOptions, type Range } from './quantize/quantize-model.js';
export { readRanges, writeRanges, type RangesFile } from './quantize/ranges.js';
export { constantChunk, filterChunks, heFilters } from './onnx/weights.js';
