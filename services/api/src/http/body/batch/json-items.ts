/** `application/json`: `{"items": [{"image_base64" | "image_url", "id"?, "metadata"?}, …]}` or `{"image_urls": […]}`, and options. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProblemError, type FieldError } from '@quintet/shared';
import type { z } from 'zod';
import { tooManyItems, type BatchInput, type BatchSink, type ItemSource } from '../../../batches/index.js';
import { batchItemSchema } from '../../../openapi/shapes.js';
import { decodeImage, mostOtherBytes } from '../json-body.js';
import { LongString, RestTooLargeError } from '../split-json.js';
import type { ArchiveLimits } from './archive-limits.js';
import { entryTooLarge } from './archive-limits.js';
import { scanJson, type ScannedJson } from './scan-json.js';
import { readRange, type Spool } from './spool.js';

const longFrom = 4 * 1024;
/** Beside the pictures: an address or some metadata for each item, and never more than parses in a few ms. */
const otherBytesPerItem = 2 * 1024;
const mostOther = 2 * 1024 * 1024;
/** Of an item with everything: its members, 16 entries of metadata, and what stands between. */
const tokensPerItem = 100;
const mostTokens = 200_000;
/** Items that are checked in one turn: about a millisecond. */
const checkedPerTurn = 100;

type Item = z.infer<typeof batchItemSchema>;

const itemAllowed =
  'an object with image_base64 or image_url, an id of at most 255 characters, and metadata: a flat object of at most 16 strings, none of them named __proto__';

/** Gives the items of a document to `sink`, and returns its other members: the options. */
export async function readJsonItems(
  spool: Spool,
  limits: ArchiveLimits,
  sink: BatchSink,
): Promise<Readonly<Record<string, unknown>>> {
  const scanned = await scan(spool, limits.maxItems);
  const { items, image_urls: urls, ...options } = objectOf(scanned.document);
  if (scanned.hasLongString(options)) throw invalid('a value is too long', '#');
  if (items !== undefined && urls !== undefined) throw invalid('send items or image_urls, not both', '#/image_urls');
  const list: unknown = items ?? urls ?? [];
  const where = items === undefined ? 'image_urls' : 'items';
  if (!Array.isArray(list)) throw invalid(`${where} must be a list`, `#/${where}`);
  if (list.length > limits.maxItems) throw tooManyItems(limits.maxItems);
  // All of them before the first is staged: a mistake in the last item is found at once.
  const parsed: Item[] = [];
  for (const [index, value] of (list as unknown[]).entries()) {
    if (index % checkedPerTurn === 0) await nextTurn();
    parsed.push(parseItem(items === undefined ? { image_url: value } : value, index, scanned));
  }
  for (const [index, item] of parsed.entries()) await sink.add(await inputOf(item, index, spool, scanned, limits));
  return options;
}

async function scan(spool: Spool, maxItems: number): Promise<ScannedJson> {
  const rest = Math.min(mostOther, mostOtherBytes + otherBytesPerItem * maxItems);
  const tokens = Math.min(mostTokens, 1000 + tokensPerItem * maxItems);
  try {
    return await scanJson((start, end) => readRange(spool, start, end), spool.size, { longFrom, rest, tokens });
  } catch (error) {
    if (error instanceof RestTooLargeError)
      throw new ProblemError('batch_too_large', `The document has ${error.message}.`);
    if (error instanceof SyntaxError)
      throw new ProblemError('json_malformed', `The body is not JSON: ${error.message}.`);
    throw error;
  }
}

function objectOf(document: unknown): Record<string, unknown> {
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return { ...document };
  throw new ProblemError('json_malformed', 'The body is JSON, but not an object.');
}

function parseItem(value: unknown, index: number, scanned: ScannedJson): Item {
  const pointer = `#/items/${index}`;
  const { success, data: item } = batchItemSchema.safeParse(value);
  if (!success) throw invalid(`an item must be ${itemAllowed}`, pointer);
  if ((item.image_base64 === undefined) === (item.image_url === undefined)) {
    throw invalid('an item must have either image_base64 or image_url', pointer);
  }
  const { image_base64: _, ...others } = item;
  if (scanned.hasLongString(others)) throw invalid('a value is too long', pointer);
  return item;
}

function invalid(detail: string, pointer: string): ProblemError {
  const errors: FieldError[] = [{ detail, pointer }];
  return new ProblemError('option_invalid', `At ${pointer}: ${detail}.`, { errors });
}

async function inputOf(
  item: Item,
  index: number,
  spool: Spool,
  scanned: ScannedJson,
  limits: ArchiveLimits,
): Promise<BatchInput> {
  const { image_url: url, image_base64: base64, metadata } = item;
  const name = item.id ?? url ?? `items/${index}`;
  const source = url === undefined ? await pictureOf(base64 ?? '', spool, scanned, limits.maxItemBytes) : { url };
  return { name, metadata, source };
}

async function pictureOf(value: string, spool: Spool, scanned: ScannedJson, limit: number): Promise<ItemSource> {
  const long = scanned.longString(value);
  // Four characters for three bytes; line breaks and escaped slashes of some encoders come on top.
  if (long !== undefined && long.end - long.start > Math.ceil(1.4 * limit) + longFrom) return entryTooLarge(limit);
  try {
    const image =
      long === undefined
        ? await decodeImage(Buffer.alloc(0), value)
        : await decodeImage(await readRange(spool, long.start, long.end), new LongString(0, long.end - long.start));
    return image.length > limit ? entryTooLarge(limit) : { image };
  } catch (error) {
    if (error instanceof ProblemError) return { problem: error };
    throw error;
  }
}
