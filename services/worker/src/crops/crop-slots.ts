/**
 * Where crops live between decoding and inference: one shared block of memory, cut into slots of one crop each.
 *
 * A slot is free → held. A job takes one before its picture is decoded and gives it back when it has its answer; a
 * preprocessing thread writes the crop into it, an inference thread reads it there, and only the slot's number travels
 * between threads. Who finds none free waits, in the order of arrival.
 * Invariants: a slot has one holder at most; memory for crops never exceeds `count` slots, whatever waits.
 * Trade-off: the block is allocated for the most jobs that the worker holds at once (150 KB each at 224 × 224); in return
 * the main thread copies no pixels and nothing is allocated per picture.
 */
export class CropSlots {
  readonly buffer: SharedArrayBuffer;
  readonly #free: number[];
  readonly #waiting: ((slot: number) => void)[] = [];

  /** `count` slots of `crop` × `crop` × 3 bytes, uint8 RGB rows from the top. */
  constructor(
    readonly count: number,
    crop: number,
  ) {
    this.buffer = new SharedArrayBuffer(count * slotBytes(crop));
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

/** Bytes of one crop of `side` × `side` pixels. */
export function slotBytes(side: number): number {
  return side * side * 3;
}
