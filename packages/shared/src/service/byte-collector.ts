/**
 * Bytes that come in chunks of any length, kept in one block of memory.
 *
 * A list of chunks costs some 300 bytes for each chunk: a peer that sends one byte at a time would make a megabyte cost 300. So
 * each chunk is copied as it comes, into a block that doubles when it is full.
 * Invariant: the block has at most twice the bytes that came, or `leastBlock`, and never more than `most`.
 * Trade-off: while it grows, the old block is there beside the new one.
 */
const leastBlock = 4096;

export class ByteCollector {
  #block: Buffer;
  #size = 0;

  /** `most`: bytes that are taken. `block`: the memory to begin with, where the length is known. */
  constructor(
    private readonly most: number,
    block: Buffer = Buffer.alloc(0),
  ) {
    this.#block = block;
  }

  /** Bytes that came. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that they take. */
  get held(): number {
    return this.#block.length;
  }

  /** Takes the next bytes. False where there would be more than `most`: nothing of the chunk is taken then. */
  push(chunk: Uint8Array): boolean {
    const size = this.#size + chunk.length;
    if (size > this.most) return false;
    if (size > this.#block.length) this.#grow(size);
    this.#block.set(chunk, this.#size);
    this.#size = size;
    return true;
  }

  /** All bytes so far: a view, without a copy. */
  bytes(): Buffer {
    return this.#block.subarray(0, this.#size);
  }

  #grow(least: number): void {
    const block = Buffer.allocUnsafeSlow(Math.min(this.most, Math.max(least, 2 * this.#block.length, leastBlock)));
    this.#block.copy(block, 0, 0, this.#size);
    this.#block = block;
  }
}
