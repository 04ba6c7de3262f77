/** What of the client needs Node. */
export { createHttpFetch, type HttpFetch } from './http-fetch.js';
export { readImage, sizedFile } from './files.js';
