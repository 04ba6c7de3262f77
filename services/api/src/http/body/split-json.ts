/**
 * Parsing a JSON document with one enormous string in it, without holding the event loop.
 *
 * `JSON.parse` of 27 MB takes 20–30 ms when it is one string, and 4.7 s when it is brackets (measured). So long strings
 * are first cut out of the bytes, with native searches for quotes, and replaced by short placeholders; what is left must be
 * small, and is parsed at once. The number of steps is bounded by that rest: every string adds to it.
 */
import { randomUUID } from 'node:crypto';
import { parseJson, refuseUtf16 } from '../../parse-json.js';

/** A long string, still as JSON has it: `start` and `end` are the offsets of the bytes between its quotes. */
export class LongString {
  constructor(
    readonly start: number,
    readonly end: number,
  ) {}

  toJSON(): string {
    return `(${this.end - this.start} characters)`;
  }
}

/** What is left of a document after its long strings is over the limit. */
export class RestTooLargeError extends Error {
  override readonly name = 'RestTooLargeError';
}

const quote = 0x22;
const backslash = 0x5c;

interface Limits {
  /** Strings from this length on, in bytes, are cut out. */
  readonly longFrom: number;
  /** Most bytes that the document may have beside them. */
  readonly rest: number;
}

/**
 * Parses `json` with a LongString in the place of each long string. A long name is refused.
 * Throws SyntaxError or RestTooLargeError.
 */
export function parseWithLongStrings(json: Buffer, limits: Limits): unknown {
  refuseUtf16(json);
  const mark = randomUUID();
  const longStrings = new Map<string, LongString>();
  const pieces: Buffer[] = [];
  const budget = new Budget(limits.rest);
  let copied = 0;
  let position = 0;
  for (;;) {
    const start = json.indexOf(quote, position) + 1;
    if (start === 0) break;
    budget.spend(start - position);
    const end = closingQuote(json, start, budget);
    if (end === -1) throw new SyntaxError('a string has no end');
    if (end - start >= limits.longFrom) {
      const placeholder = `${mark}-${longStrings.size}`;
      longStrings.set(placeholder, new LongString(start, end));
      pieces.push(json.subarray(copied, start), Buffer.from(placeholder));
      copied = end;
    } else {
      budget.spend(end - start);
    }
    position = end + 1;
  }
  budget.spend(json.length - position);
  pieces.push(json.subarray(copied));
  return parseJson(Buffer.concat(pieces).toString('utf8'), (name, value) => {
    if (longStrings.has(name)) throw new SyntaxError('a name is too long');
    return typeof value === 'string' ? (longStrings.get(value) ?? value) : value;
  });
}

/** What may still be looked at byte by byte. */
export class Budget {
  #left: number;

  constructor(private readonly total: number) {
    this.#left = total;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new RestTooLargeError(`more than ${this.total} bytes beside the image`);
  }
}

/**
 * The offset of the quote that ends the string whose first byte is at `start`; -1 where none does. Escaped quotes and the
 * backslashes before quotes are looked at one by one, so they count as rest.
 */
export function closingQuote(json: Buffer, start: number, budget: Budget): number {
  for (let end = json.indexOf(quote, start); end !== -1; end = json.indexOf(quote, end + 1)) {
    let first = end;
    while (first > start && json[first - 1] === backslash) {
      first -= 1;
      budget.spend(1);
    }
    if ((end - first) % 2 === 0) return end;
    budget.spend(1);
  }
  return -1;
}
