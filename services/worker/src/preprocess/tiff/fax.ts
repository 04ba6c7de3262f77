/**
 * Fax data in TIFFs: ITU-T T.4 (Group 3, one- and two-dimensional), T.6 (Group 4) and the plain run lengths of TIFF 6.0,
 * section 10.
 *
 * A code that does not exist, or a line that is longer than the picture, ends it: libtiff paints what it can and goes on, which
 * leaves torn lines that nobody is told of. Lines that are missing are missing in what is yielded.
 */
import { damaged } from '../decode-error.js';

export interface FaxLayout {
  /** Pixels of a line. */
  readonly width: number;
  readonly rows: number;
  /** Lines begin with end-of-line codes (Group 3), with nothing (Group 4), or at a multiple of so many bits (run lengths). */
  readonly kind: 'group 3' | 'group 4' | { readonly align: 8 | 16 };
  /** Group 3: lines may be coded relative to the one before. */
  readonly twoDimensional: boolean;
}

const EOL_ZEROS = 11;

/** Lines as bits, 1 for black, each beginning at a byte. Yields the same memory again and again. */
export function* unpackFax(data: Uint8Array, { width, rows, kind, twoDimensional }: FaxLayout): Generator<Uint8Array> {
  const reader = new FaxReader(data, width);
  const line = new Uint8Array(Math.ceil(width / 8));
  for (let row = 0; row < rows; row += 1) {
    let relative = kind === 'group 4';
    if (kind === 'group 4') {
      if (reader.startsWithZeros(EOL_ZEROS)) return;
    } else if (kind === 'group 3') {
      if (reader.skipEndOfLine()) {
        relative = twoDimensional && reader.bit() === 0;
        // Two of them in a row end the page.
        if (reader.startsWithZeros(EOL_ZEROS)) return;
      } else if (twoDimensional) relative = reader.bit() === 0;
    } else reader.align(kind.align);
    if (reader.atEnd) return;
    if (relative) reader.relativeLine();
    else reader.plainLine();
    reader.paint(line);
    yield line;
  }
}

class FaxReader {
  readonly #data: Uint8Array;
  readonly #width: number;
  /** Of the next bit. */
  #at = 0;
  /** Where the colour changes in the line before, and in this one: to black, to white, and so on. Behind the last: the width. */
  #before: Int32Array;
  #changes: Int32Array;
  #count = 0;

  constructor(data: Uint8Array, width: number) {
    this.#data = data;
    this.#width = width;
    this.#before = new Int32Array(width + 8).fill(width);
    this.#changes = new Int32Array(width + 8).fill(width);
  }

  get atEnd(): boolean {
    return this.#at >= 8 * this.#data.length;
  }

  #peek(bits: number): number {
    const data = this.#data;
    const byte = this.#at >> 3;
    const next = ((data[byte] ?? 0) << 16) | ((data[byte + 1] ?? 0) << 8) | (data[byte + 2] ?? 0);
    return (next >> (24 - bits - (this.#at & 7))) & ((1 << bits) - 1);
  }

  bit(): number {
    const bit = this.#peek(1);
    this.#at += 1;
    return bit;
  }

  startsWithZeros(count: number): boolean {
    return this.#peek(count) === 0;
  }

  /** Skips the zeros and the one of an end-of-line code, if here is one. */
  skipEndOfLine(): boolean {
    if (!this.startsWithZeros(EOL_ZEROS)) return false;
    while (!this.atEnd && this.bit() === 0);
    return true;
  }

  align(bits: number): void {
    this.#at = Math.ceil(this.#at / bits) * bits;
  }

  #code(table: Int32Array): number {
    const entry = table[this.#peek(LONGEST)] ?? 0;
    const length = entry & ((1 << LENGTH_BITS) - 1);
    if (length === 0) throw damaged('fax');
    this.#at += length;
    if (this.#at > 8 * this.#data.length) throw damaged('fax');
    return entry >> LENGTH_BITS;
  }

  #run(black: boolean): number {
    const table = black ? blackRuns : whiteRuns;
    let sum = 0;
    for (;;) {
      const run = this.#code(table);
      sum += run;
      if (run < 64) return sum;
      if (sum > this.#width) throw damaged('fax');
    }
  }

  /** Two changes in one place are none. */
  #change(at: number): void {
    if (this.#count > 0 && this.#changes[this.#count - 1] === at) this.#count -= 1;
    else this.#changes[this.#count++] = at;
  }

  #begin(): void {
    [this.#before, this.#changes] = [this.#changes, this.#before];
    this.#count = 0;
  }

  #finish(end: number): void {
    if (end !== this.#width) throw damaged('fax');
    this.#changes.fill(this.#width, this.#count, this.#count + 4);
  }

  plainLine(): void {
    this.#begin();
    let at = 0;
    for (let black = false; at < this.#width; black = !black) {
      at += this.#run(black);
      if (at > this.#width) throw damaged('fax');
      this.#change(at);
    }
    this.#finish(at);
  }

  /** Names as in T.6: a0 is where the line has come to, b1 and b2 are the next changes of the line before. */
  relativeLine(): void {
    this.#begin();
    const width = this.#width;
    const before = this.#before;
    let a0 = -1;
    let black = false;
    let index = 0;
    while (a0 < width) {
      while (index > 0 && (before[index - 1] ?? 0) > a0) index -= 1;
      while ((before[index] ?? width) <= a0 && (before[index] ?? width) < width) index += 1;
      const b1 = (index & 1) === (black ? 1 : 0) ? index : index + 1;
      const mode = this.#code(modes);
      if (mode === MODE.pass) {
        a0 = before[b1 + 1] ?? width;
      } else if (mode === MODE.horizontal) {
        const first = Math.max(0, a0) + this.#run(black);
        a0 = first + this.#run(!black);
        if (a0 > width) throw damaged('fax');
        this.#change(first);
        this.#change(a0);
      } else {
        const a1 = (before[b1] ?? width) + mode - VERTICAL;
        if (a1 < Math.max(0, a0) || a1 > width) throw damaged('fax');
        this.#change(a1);
        a0 = a1;
        black = !black;
      }
    }
    this.#finish(a0);
  }

  paint(line: Uint8Array): void {
    line.fill(0);
    for (let i = 0; i < this.#count; i += 2) {
      const end = this.#changes[i + 1] ?? this.#width;
      let at = this.#changes[i] ?? this.#width;
      for (; at < end && (at & 7) !== 0; at += 1) line[at >> 3] = (line[at >> 3] ?? 0) | (0x80 >> (at & 7));
      const bytes = (end - at) >> 3;
      if (bytes > 0) {
        line.fill(0xff, at >> 3, (at >> 3) + bytes);
        at += 8 * bytes;
      }
      for (; at < end; at += 1) line[at >> 3] = (line[at >> 3] ?? 0) | (0x80 >> (at & 7));
    }
  }
}

// Codes of ITU-T T.4 (tables 2, 3a and 3b) and T.6 (table 1), as lookups by the next bits of the data.
const terminatingWhite =
  '00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010 101011 0100111 ' +
  '0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010 00011011 ' +
  '00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 ' +
  '00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 01011010 01011011 ' +
  '01001010 01001011 00110010 00110011 00110100';
const makeUpWhite =
  '11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011 ' +
  '011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010 011000 ' +
  '010011011';
const terminatingBlack =
  '0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000 0000010111 ' +
  '0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 00000011000 000011001010 ' +
  '000011001011 000011001100 000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 ' +
  '000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 000011011011 000001010100 ' +
  '000001010101 000001010110 000001010111 000001100100 000001100101 000001010010 000001010011 000000100100 000000110111 ' +
  '000000111000 000000100111 000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 ' +
  '000001100111';
const makeUpBlack =
  '0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101 ' +
  '0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100 0000001110101 ' +
  '0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011 ' +
  '0000001100100 0000001100101';
const makeUpBoth =
  '00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 000000010111 ' +
  '000000011100 000000011101 000000011110 000000011111';

/** Bits of the longest code. */
const LONGEST = 13;
/** In an entry: bits of the code, 0 where there is no such code. */
const LENGTH_BITS = 4;

/** For every `LONGEST` bits: value and length of the code that they begin with, as (value << LENGTH_BITS) | length. */
function lookup(codes: Iterable<readonly [code: string, value: number]>): Int32Array {
  const table = new Int32Array(1 << LONGEST);
  for (const [code, value] of codes) {
    const free = LONGEST - code.length;
    const first = Number.parseInt(code, 2) << free;
    table.fill((value << LENGTH_BITS) | code.length, first, first + (1 << free));
  }
  return table;
}

function runs(terminating: string, makeUp: string): Int32Array {
  return lookup([
    ...terminating.split(' ').map((code, i) => [code, i] as const),
    ...`${makeUp} ${makeUpBoth}`.split(' ').map((code, i) => [code, 64 * (i + 1)] as const),
  ]);
}

/** Lengths of runs; those of 64 and more are followed by another code of the same colour. */
const whiteRuns = runs(terminatingWhite, makeUpWhite);
const blackRuns = runs(terminatingBlack, makeUpBlack);

const MODE = { pass: 0, horizontal: 1 } as const;
/** A vertical mode is this plus the distance of a1 from b1, −3 to 3. */
const VERTICAL = 8;

const modes = lookup([
  ['0001', MODE.pass],
  ['001', MODE.horizontal],
  ['1', VERTICAL],
  ['011', VERTICAL + 1],
  ['000011', VERTICAL + 2],
  ['0000011', VERTICAL + 3],
  ['010', VERTICAL - 1],
  ['000010', VERTICAL - 2],
  ['0000010', VERTICAL - 3],
]);
