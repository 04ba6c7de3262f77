/**
 * Memory for request bodies, used again: a fresh buffer for each would be a major garbage collection every few hundred
 * pictures, since V8 counts what buffers hold.
 *
 * A buffer is lent → given back → lent again; or lent → lost, where something still may read it. Who has it may use it until
 * it is given back; what it holds then is somebody else's.
 * Invariants: a buffer has one holder; what is kept never exceeds `keptBytes`.
 */
const smallest = 64 * 1024;
const largest = 2 * 1024 * 1024;

export interface Lease {
  /** Exactly as long as was asked for; holds anything. */
  readonly buffer: Buffer;
  /** To be called once, when nothing refers to the buffer any more; not calling it only costs a new one. */
  readonly giveBack: () => void;
}

export class BodyBuffers {
  /** By capacity, a power of two. */
  readonly #free = new Map<number, Buffer[]>();
  #kept = 0;

  constructor(private readonly keptBytes: number) {}

  lend(length: number): Lease {
    const capacity = Math.max(smallest, 2 ** Math.ceil(Math.log2(Math.max(1, length))));
    if (capacity > largest) return { buffer: Buffer.allocUnsafeSlow(length), giveBack: () => undefined };
    const whole = this.#free.get(capacity)?.pop();
    if (whole !== undefined) this.#kept -= capacity;
    const memory = whole ?? Buffer.allocUnsafeSlow(capacity);
    return {
      buffer: memory.subarray(0, length),
      giveBack: () => {
        if (this.#kept + capacity > this.keptBytes) return;
        this.#kept += capacity;
        const free = this.#free.get(capacity) ?? [];
        free.push(memory);
        this.#free.set(capacity, free);
      },
    };
  }
}
