/**
 * A JSON document on disk with many enormous strings in it, parsed in little memory.
 *
 * As ../split-json.ts does for one in memory: long strings are replaced by short placeholders while the file goes by, and what is
 * left, which must be small and not deep, is parsed. The strings are read from the file later, one by one.
 */
import { randomUUID } from 'node:crypto';
import { ByteCollector } from '@quintet/shared';
import { mostDepth, refuseUtf16, tooDeep, withoutMark } from '../../../parse-json.js';
import { LongString, RestTooLargeError } from '../split-json.js';

const quote = 0x22;
const backslash = 0x5c;
/** Scanned in one turn: the worst there is, a string of escaped quotes, takes some ms. */
const chunkLength = 64 * 1024;

export interface ScanLimits {
  /** Strings from this length on, in bytes, stay in the file. */
  readonly longFrom: number;
  /** Most bytes of all else. */
  readonly rest: number;
  /** Most brackets, commas, colons and strings: what `JSON.parse` takes its time for. */
  readonly tokens: number;
}

export interface ScannedJson {
  readonly document: unknown;
  /** What `value` stands for where it is the placeholder of a long string. */
  readonly longString: (value: unknown) => LongString | undefined;
  /** Whether there is a placeholder anywhere in `value`. */
  readonly hasLongString: (value: object) => boolean;
}

/** Scans `size` bytes that `read` gives by their offsets. Throws SyntaxError or RestTooLargeError. */
export async function scanJson(
  read: (start: number, end: number) => Promise<Buffer>,
  size: number,
  limits: ScanLimits,
): Promise<ScannedJson> {
  const scanner = new Scanner(limits);
  for (let start = 0; start < size; start += chunkLength) {
    const chunk = await read(start, Math.min(size, start + chunkLength));
    if (start === 0) refuseUtf16(chunk);
    scanner.push(chunk, start);
  }
  const { text, mark, longStrings } = scanner.end();
  return {
    document: JSON.parse(withoutMark(text)) as unknown,
    longString: (value) => (typeof value === 'string' ? longStrings.get(value) : undefined),
    hasLongString: (value) => JSON.stringify(value).includes(mark),
  };
}

interface OpenString {
  /** Offset of its first byte. */
  readonly start: number;
  length: number;
  /** Its bytes, while they are few. */
  pieces: Buffer[];
  /** Whether its last byte so far escapes the next. */
  escaping: boolean;
}

class Scanner {
  readonly #mark = randomUUID();
  readonly #longStrings = new Map<string, LongString>();
  readonly #kept: ByteCollector;
  #tokensLeft: number;
  #depth = 0;
  #string: OpenString | undefined;

  constructor(private readonly limits: ScanLimits) {
    this.#kept = new ByteCollector(limits.rest);
    this.#tokensLeft = limits.tokens;
  }

  push(chunk: Buffer, offset: number): void {
    let at = 0;
    while (at < chunk.length) {
      at =
        this.#string === undefined ? this.#outside(chunk, at, offset) : this.#inside(chunk, at, offset, this.#string);
    }
  }

  end(): { text: string; mark: string; longStrings: ReadonlyMap<string, LongString> } {
    if (this.#string !== undefined) throw new SyntaxError('a string has no end');
    return { text: this.#kept.bytes().toString('utf8'), mark: this.#mark, longStrings: this.#longStrings };
  }

  #outside(chunk: Buffer, at: number, offset: number): number {
    const found = chunk.indexOf(quote, at);
    const next = found === -1 ? chunk.length : found + 1;
    const piece = chunk.subarray(at, next);
    this.#keep(piece);
    for (const byte of piece) {
      if (byte === 0x5b || byte === 0x7b) this.#depth += 1;
      else if (byte === 0x5d || byte === 0x7d) this.#depth -= 1;
      else if (byte !== 0x2c && byte !== 0x3a && byte !== quote) continue;
      this.#tokensLeft -= 1;
      if (this.#tokensLeft < 0) throw new RestTooLargeError(`more than ${this.limits.tokens} values`);
      if (this.#depth > mostDepth) throw tooDeep();
    }
    if (found !== -1) this.#string = { start: offset + next, length: 0, pieces: [], escaping: false };
    return next;
  }

  #inside(chunk: Buffer, from: number, offset: number, string: OpenString): number {
    for (let at = from; ;) {
      const found = chunk.indexOf(quote, at);
      const end = found === -1 ? chunk.length : found;
      const escaped = isEscaped(chunk, at, end, string.escaping);
      string.escaping = found === -1 && escaped;
      if (found === -1 || !escaped) {
        this.#extend(string, chunk.subarray(from, end));
        if (found === -1) return end;
        this.#close(string, offset + end);
        return end + 1;
      }
      at = found + 1;
    }
  }

  #extend(string: OpenString, piece: Buffer): void {
    string.length += piece.length;
    if (string.length < this.limits.longFrom) string.pieces.push(piece);
    else string.pieces = [];
  }

  #close(string: OpenString, end: number): void {
    this.#string = undefined;
    if (string.length >= this.limits.longFrom) {
      const placeholder = `${this.#mark}-${this.#longStrings.size}`;
      this.#longStrings.set(placeholder, new LongString(string.start, end));
      string.pieces = [Buffer.from(placeholder)];
    }
    for (const piece of string.pieces) this.#keep(piece);
    this.#keep(Buffer.from('"'));
  }

  #keep(piece: Buffer): void {
    if (this.#kept.push(piece)) return;
    throw new RestTooLargeError(`more than ${this.limits.rest} bytes beside the images`);
  }
}

/** Whether the byte at `end` is escaped: by an odd number of backslashes, of which one may stand before `from`. */
function isEscaped(chunk: Buffer, from: number, end: number, carried: boolean): boolean {
  let first = end;
  while (first > from && chunk[first - 1] === backslash) first -= 1;
  return (end - first + (first === from && carried ? 1 : 0)) % 2 === 1;
}
