export { ImageError, type ImageErrorCode, imageErrorCodes } from './image-error.js';
export { fileExtensions, type ImageFormat, imageFormats, type ImageInfo, type ImageLimits, mediaTypes } from './image-info.js';
export { inspectImage } from './inspect-image.js';
