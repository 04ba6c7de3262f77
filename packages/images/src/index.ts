export { type BmpHeader, lowestBit, readBmpHeader, readRunLengths } from './bmp.js';
export { ByteReader } from './byte-reader.js';
export { type GifFrame, readFirstFrame } from './gif.js';
export { heifPicture, type HeifPicture } from './heif-still.js';
export {
  fileExtensions,
  ImageError,
  type ImageErrorCode,
  imageErrorCodes,
  type ImageFormat,
  imageFormats,
  type ImageInfo,
  type ImageLimits,
  mediaTypes,
  tooComplex,
  truncated,
  undecodable,
} from './image-info.js';
export { inspectImage } from './inspect-image.js';
