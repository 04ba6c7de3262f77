/**
 * Fax data in TIFFs: ITU-T T.4 (Group 3, one- and two-dimensional), T.6 (Group 4) and the plain run lengths of TIFF 6.0,
 * section 10.
 *
 * A code that does not exist, or a line that is longer than the picture, ends it: libtiff paints what it can and goes on, which
 * leaves torn lines that nobody is told of. Lines that are missing are missing in what is yielded.
 */
import { blackRuns, LENGTH_BITS, LONGEST, MODE, modes, VERTICAL, whiteRuns } from './fax-codes.js';
import { damaged } from './damaged.js';

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
