export { type BmpHeader, lowestBit, readBmpHeader } from './bmp-header.js';
export { readRunLengths } from './bmp-rle.js';
export { ByteReader } from './byte-reader.js';
export { type GifFrame, readFirstFrame } from './gif-frame.js';
export { heifPicture, type HeifPicture } from './heif-still.js';
export { ImageError, type ImageErrorCode, imageErrorCodes } from './image-error.js';
export {
  fileExtensions,
  type ImageFormat,
  imageFormats,
  type ImageInfo,
  type ImageLimits,
  mediaTypes,
} from './image-info.js';
export { inspectImage } from './inspect-image.js';
