/** What a codec yields: bytes in pieces of any length, each valid until the next is asked for. */
export type Pieces = Iterator<Uint8Array> | AsyncIterator<Uint8Array>;

/** Reads as many bytes at a time as are wanted, however long the pieces are. */
export class PieceReader {
  readonly #pieces: Pieces;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
  }

  /** Fills `target`. False where the pieces end before it is full. */
  async fill(target: Uint8Array): Promise<boolean> {
    let at = 0;
    while (at < target.length) {
      if (this.#piece.length === 0 && !(await this.#next())) return false;
      const part = this.#piece.subarray(0, target.length - at);
      target.set(part, at);
      at += part.length;
      this.#piece = this.#piece.subarray(part.length);
    }
    return true;
  }

  /** Reads on to the end, or past `most` bytes: a codec with a checksum compares it there. */
  async drain(most: number): Promise<void> {
    let left = most - this.#piece.length;
    while (left > 0 && (await this.#next())) left -= this.#piece.length;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #next(): Promise<boolean> {
    const next = this.#pieces.next();
    const result = next instanceof Promise ? await next : next;
    if (result.done === true) return false;
    this.#piece = result.value;
    return true;
  }
}
