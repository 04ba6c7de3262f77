/**
 * Long lists of numbers in a JSON document, without holding the event loop.
 *
 * `JSON.parse` of a picture as 150 528 numbers takes 10 to 20 ms, and of as many as an upload may have a quarter of a second. So
 * they are first cut out, as split-json.ts does with long strings: a list is everything from a `[` to the `]` that closes it, where
 * nothing but numbers stands between, nested or not. Each is replaced by a short string, and parsed in pieces with other work in
 * between. What is in strings is skipped, and what is left is for the ordinary parser: it must be small, and is counted on the way.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Budget, closingQuote } from '../body/split-json.js';

/** Numbers still as JSON has them: `start` and `end` are the offsets of the list with its brackets. */
export class NumberList {
  constructor(
    readonly start: number,
    readonly end: number,
  ) {}
}

export interface CutJson {
  /** The document with a string in the place of each list. */
  readonly json: Buffer;
  /** By that string. */
  readonly lists: ReadonlyMap<string, NumberList>;
}

/** Bytes that are looked at in one turn: about a millisecond, of scanning or of parsing. */
const scannedPerTurn = 512 * 1024;
const parsedPerTurn = 32 * 1024;

const [quote, open, close, comma] = [0x22, 0x5b, 0x5d, 0x2c];
/** Bytes that may stand in a list: white space, digits, and `+ - . e E , [ ]`. */
const numeric = new Uint8Array(256);
for (const byte of Buffer.from(' \t\r\n0123456789+-.eE,[]')) numeric[byte] = 1;

export interface CutLimits {
  /** Lists from this length on, in bytes, are cut out; strings of this length do not count as rest. */
  readonly longFrom: number;
  /** Most bytes of all else. */
  readonly rest: number;
}

/** Cuts long lists of numbers out of the document. Throws RestTooLargeError. */
export async function cutNumbers(json: Buffer, { longFrom, rest }: CutLimits): Promise<CutJson> {
  const mark = randomUUID();
  const lists = new Map<string, NumberList>();
  const pieces: Buffer[] = [];
  let copied = 0;
  let left = scannedPerTurn;
  const budget = new Budget(rest);
  for (let at = 0; at < json.length;) {
    const byte = json[at];
    const start = at;
    let isLong = false;
    if (byte === quote) {
      const end = closingQuote(json, at + 1, budget);
      at = end === -1 ? json.length : end + 1;
      isLong = at - start >= longFrom;
    } else if (byte === open) {
      const end = await endOfList(json, at);
      const closes = json[end - 1] === close;
      isLong = closes && end - at >= longFrom;
      if (isLong) {
        const placeholder = `${mark}-${lists.size}`;
        lists.set(placeholder, new NumberList(at, end));
        pieces.push(json.subarray(copied, at), Buffer.from(JSON.stringify(placeholder)));
        copied = end;
      }
      // Where it is no list of numbers: on from the byte that says so, as no list begins before.
      at = Math.max(end, at + 1);
    } else {
      at += 1;
    }
    if (!isLong) budget.spend(at - start);
    left -= at - start;
    if (left > 0) continue;
    left = scannedPerTurn;
    await nextTurn();
  }
  pieces.push(json.subarray(copied));
  return { json: lists.size === 0 ? json : Buffer.concat(pieces), lists };
}

/**
 * The numbers of a list, row by row, as float32. Undefined where the document has no list there but something that looks like one,
 * or not `count` of them.
 */
export async function parseNumbers(
  json: Buffer,
  { start, end }: NumberList,
  count: number,
): Promise<Float32Array | undefined> {
  const numbers = new Float32Array(count);
  let filled = 0;
  for (let from = start; from < end;) {
    let to = Math.min(end, from + parsedPerTurn);
    // Not through a number: up to the next comma.
    if (to < end) to = json.indexOf(comma, to);
    if (to === -1 || to > end) to = end;
    // No number is so long, nor what stands around it.
    if (to - from > 2 * parsedPerTurn) return undefined;
    // Brackets only tell rows apart. Numbers that nothing else separates are a syntax error, as they should be.
    const text = json.toString('latin1', from, to).replaceAll(/[[\]]/g, ' ');
    let piece: readonly number[];
    try {
      piece = JSON.parse(`[${text}]`) as number[];
    } catch {
      return undefined;
    }
    if (piece.length === 0 || filled + piece.length > count) return undefined;
    numbers.set(piece, filled);
    filled += piece.length;
    from = to + 1;
    await nextTurn();
  }
  return filled === count ? numbers : undefined;
}

/** The offset after the list that begins at `start`, or of the first byte that no list of numbers has. */
async function endOfList(json: Buffer, start: number): Promise<number> {
  let depth = 0;
  for (let at = start; at < json.length; at += 1) {
    const byte = json[at] ?? 0;
    if (numeric[byte] !== 1) return at;
    if (byte === open) depth += 1;
    else if (byte === close) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    if ((at - start) % scannedPerTurn === scannedPerTurn - 1) await nextTurn();
  }
  return json.length;
}
