/** What of the client needs Node. */
export { createHttpFetch } from './http-fetch.js';
export { readImage, sizedFile } from './files.js';
