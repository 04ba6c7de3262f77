export { createPreprocessPool, silenceMs, type PreprocessPool } from './preprocess-pool.js';
export type { Crop } from './crop-with-sharp.js';
export type { CropSpec, PictureSize } from './geometry.js';
export { createPreprocessor, type Preprocessor, type PreprocessorOptions } from './preprocessor.js';
export { configureSharp } from './crop-with-sharp.js';
