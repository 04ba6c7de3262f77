/**
 * Where crops live between decoding and inference: one shared block of memory, cut into slots of one crop each.
 *
 * A slot is free → held. A job takes one before its picture is decoded and gives it back when it has its answer; a
 * preprocessing thread writes the crop into it, an inference thread reads it there, and only the slot's number travels
 * between threads. Who finds none free waits, in the order of arrival.
 * An order that brings the model's input itself instead of a picture has its values in a second block, whose row i belongs
 * to whoever holds slot i: its place is `count` + i. Batcher and threads carry places, and need not know of two kinds.
 * Invariants: a slot has one holder at most; memory for crops never exceeds `count` slots, whatever waits.
 * Trade-off: the block is allocated for the most jobs that the worker holds at once (150 KB each at 224 × 224); in return
 * the main thread copies no pixels and nothing is allocated per picture. The second block is four times as large, of which
 * the system gives memory to the rows that were ever written, and so none where nobody sends tensors.
 */
export class CropSlots {
  readonly buffer: SharedArrayBuffer;
  /** float32 [count, …]: rows of the model's input, in its own layout. */
  readonly tensors: SharedArrayBuffer;
  readonly #rows: Uint8Array;
  readonly #rowBytes: number;
  readonly #free: number[];
  readonly #waiting: ((slot: number) => void)[] = [];

  /** `count` slots of `crop` × `crop` × 3 bytes, uint8 RGB rows from the top. */
  constructor(
    readonly count: number,
    crop: number,
  ) {
    this.buffer = new SharedArrayBuffer(count * slotBytes(crop));
    this.#rowBytes = slotBytes(crop) * Float32Array.BYTES_PER_ELEMENT;
    this.tensors = new SharedArrayBuffer(count * this.#rowBytes);
    this.#rows = new Uint8Array(this.tensors);
    // Taken from the end: the slot that was used last is the one most likely still in a cache.
    this.#free = Array.from({ length: count }, (_, index) => count - 1 - index);
  }

  get free(): number {
    return this.#free.length;
  }

  /** Jobs that are being decoded, wait, or run. */
  get held(): number {
    return this.count - this.#free.length;
  }

  /**
   * Writes one row of the model's input, float32 little-endian, beside `slot`; its place. Throws TensorError where the model
   * takes rows of another size.
   */
  loadTensor(values: Buffer, slot: number): number {
    if (values.length !== this.#rowBytes) {
      throw new TensorError(`A row of the model's input has ${this.#rowBytes} bytes, not ${values.length}.`);
    }
    this.#rows.set(values, slot * this.#rowBytes);
    return this.count + slot;
  }

  /** Runs `work` with a slot of its own, which is free again when `work` has settled. */
  async use<T>(work: (slot: number) => Promise<T>): Promise<T> {
    const slot = this.#free.pop() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(slot);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(slot);
      else next(slot);
    }
  }
}

/** The values of an order do not fit the model, and never will. */
export class TensorError extends Error {
  override readonly name = 'TensorError';
}

/** Bytes of one crop of `side` × `side` pixels. */
export function slotBytes(side: number): number {
  return side * side * 3;
}
