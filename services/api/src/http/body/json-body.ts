/** `application/json`: {"image_base64": "…"} or {"image_url": "…"}, and options. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { maxUrlLength } from '@quintet/outbound';
import { ProblemError } from '@quintet/shared';
import { imageUrlRefused } from '../../jobs/index.js';
import { Base64Decoder, Base64Error } from './base64.js';
import { LongString, parseWithLongStrings, RestTooLargeError } from './split-json.js';

/** Bytes of the document beside the image: far more than all options need, parsed in well under a millisecond. */
export const mostOtherBytes = 64 * 1024;
const longFrom = 4 * 1024;
/** Characters decoded at a time: about 1 ms. */
const pieceLength = 1024 * 1024;

export interface JsonUpload {
  /** Its bytes, or where they are. */
  readonly image: Buffer | URL;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The image and the options of a JSON document, decoded with other work in between. */
export async function readJsonUpload(json: Buffer): Promise<JsonUpload> {
  const { image_url: url, image_base64: base64, ...options } = parseDocument(json);
  if (url !== undefined && base64 !== undefined) {
    throw new ProblemError('one_image_per_job', 'Send image_base64 or image_url, not both.');
  }
  if (url !== undefined) return { image: parseUrl(url), options };
  if (base64 === undefined) {
    throw new ProblemError('image_missing', 'The document has neither image_base64 nor image_url.');
  }
  return { image: await decodeImage(json, base64), options };
}

/** The bytes that `value` of the document `json`, its member `name`, is the base64 of. Throws `base64_invalid`. */
export async function decodeImage(json: Buffer, value: unknown, name = 'image_base64'): Promise<Buffer> {
  try {
    if (value instanceof LongString) return await decodeLong(json, value, name);
    if (typeof value === 'string') return await decode([withoutDataUrl(value)], value.length, name);
  } catch (error) {
    if (error instanceof Base64Error) throw base64Invalid(error.message, name);
    throw error;
  }
  throw base64Invalid(`${name} must be a string`, name);
}

/** Whether the address may be called is asked when the job is submitted; here it only has to be one. */
export function parseUrl(url: unknown): URL {
  if (url instanceof LongString || (typeof url === 'string' && url.length > maxUrlLength)) {
    throw imageUrlRefused(`it is longer than ${maxUrlLength} characters`);
  }
  if (typeof url !== 'string' || !URL.canParse(url)) throw imageUrlRefused('it is not an absolute URL');
  return new URL(url);
}

function base64Invalid(detail: string, name: string): ProblemError {
  return new ProblemError('base64_invalid', `${detail}.`, { errors: [{ detail, pointer: `#/${name}` }] });
}

/** A document with one long string or few; other members are small. Throws `json_malformed` or `body_too_large`. */
export function parseDocument(json: Buffer): Record<string, unknown> {
  let document: unknown;
  try {
    document = parseWithLongStrings(json, { longFrom, rest: mostOtherBytes });
  } catch (error) {
    if (error instanceof RestTooLargeError)
      throw new ProblemError('body_too_large', `The document has ${error.message}.`);
    if (error instanceof SyntaxError)
      throw new ProblemError('json_malformed', `The body is not JSON: ${error.message}.`);
    throw error;
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return { ...document };
  throw new ProblemError('json_malformed', 'The body is JSON, but not an object.');
}

async function decodeLong(json: Buffer, { start, end }: LongString, name: string): Promise<Buffer> {
  const first = json.toString('latin1', start, Math.min(end, start + 256));
  const prefix = first.length - withoutDataUrl(first.replaceAll('\\/', '//')).length;
  return decode(literalPieces(json, start + prefix, end, name), end - start, name);
}

async function decode(pieces: Iterable<string>, mostCharacters: number, name: string): Promise<Buffer> {
  const decoder = new Base64Decoder(mostCharacters, name);
  for (const piece of pieces) {
    decoder.push(piece);
    await nextTurn();
  }
  return decoder.end();
}

/** `data:image/png;base64,` in front is what browsers' FileReader gives, and says nothing that the bytes do not. */
function withoutDataUrl(text: string): string {
  return text.replace(/^data:[^,]{0,200};base64,/i, '');
}

/** The characters of a JSON string, unescaped; its bytes are ASCII, or not base64 anyway. */
function* literalPieces(json: Buffer, start: number, end: number, name: string): Generator<string> {
  for (let from = start; from < end;) {
    let to = Math.min(end, from + pieceLength);
    // An escape is at most six characters: do not cut through one.
    const escape = to < end ? json.toString('latin1', to - 5, to).lastIndexOf('\\') : -1;
    if (escape !== -1) to += escape - 5;
    const piece = json.toString('latin1', from, to);
    yield piece.includes('\\') ? unescape(piece, name) : piece;
    from = to;
  }
}

function unescape(piece: string, name: string): string {
  try {
    return String(JSON.parse(`"${piece}"`));
  } catch {
    throw new Base64Error(`${name} has an escape that is not base64`);
  }
}
