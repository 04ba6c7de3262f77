/** Chunks of bytes until they are joined. Small ones are joined as they come: a list of them would take some 300 bytes for each. */
const mostRecent = 1000;

export class ChunkList {
  readonly #joined: Uint8Array[] = [];
  #recent: Uint8Array[] = [];

  push(chunk: Uint8Array): void {
    this.#recent.push(chunk);
    if (this.#recent.length < mostRecent) return;
    this.#joined.push(Buffer.concat(this.#recent));
    this.#recent = [];
  }

  /** How many there are. */
  get length(): number {
    return this.#joined.length + this.#recent.length;
  }

  bytes(): Buffer {
    return Buffer.concat([...this.#joined, ...this.#recent]);
  }
}

/** All bytes of a stream. */
export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks = new ChunkList();
  for await (const chunk of stream) chunks.push(chunk);
  return chunks.bytes();
}
