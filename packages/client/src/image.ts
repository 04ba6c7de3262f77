/** What a picture may be given as, and how it is sent. */
import { QuintetError } from './errors.js';
import { pictureExtensions } from './picture-extensions.js';
import type { JobOptions } from './types.js';

/**
 * Bytes of a file (`Uint8Array`, which a Buffer is, `ArrayBuffer`, `Blob`, which a browser's File is, or a stream of
 * bytes), or the `URL` of one on the web, which the service fetches. A path is none: read the file, or see
 * `@quintet/client/node`.
 */
export type ImageInput = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | URL;

/** A submission, to be sent as often as it takes. */
export interface EncodedImage {
  /** With the `?`; empty where all is in the body. */
  readonly query: string;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** Reads the picture to its end, as a retry has to send it again. Throws QuintetError `image_unreadable`. */
export async function encodeImage(image: ImageInput, options: JobOptions): Promise<EncodedImage> {
  if (image instanceof URL) {
    if (!/^https?:$/.test(image.protocol)) {
      throw new QuintetError(
        'image_unreadable',
        `The service fetches http and https addresses, not ${image.protocol}//…`,
      );
    }
    const body = JSON.stringify({ ...options, image_url: image.href });
    return { query: '', contentType: 'application/json', body };
  }
  return { query: queryOf(options), contentType: 'application/octet-stream', body: await bytesOf(image) };
}

/** Options as a query, with its `?`. */
export function queryOf(options: JobOptions): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (Array.isArray(value)) query.set(name, value.join(','));
    else if (typeof value === 'object') query.set(name, JSON.stringify(value));
    // Of a caller who has optional values at hand.
    else if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}

async function bytesOf(image: Exclude<ImageInput, URL>): Promise<Uint8Array> {
  if (image instanceof Uint8Array) return image;
  if (image instanceof ArrayBuffer) return new Uint8Array(image);
  const given: unknown = image;
  if (!(given instanceof Blob) && !(given instanceof ReadableStream)) {
    const hint = typeof given === 'string' ? ' A string is neither: use new URL(…), or read the file.' : '';
    throw new QuintetError('image_unreadable', `A picture is bytes, a Blob, a stream or a URL.${hint}`);
  }
  try {
    return new Uint8Array(await (given instanceof Blob ? given : new Response(given)).arrayBuffer());
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new QuintetError('image_unreadable', `The picture cannot be read: ${why}`, { cause });
  }
}

const extensions: ReadonlySet<string> = new Set(pictureExtensions);

/**
 * Whether a file of this name, without its folders, belongs to the pictures of a folder: it is not hidden, and ends as
 * pictures do. An upload or a download under way has another ending. What the file is, only its bytes say.
 */
export function isPictureName(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return dot > 0 && !name.startsWith('.') && extensions.has(name.slice(dot + 1).toLowerCase());
}
