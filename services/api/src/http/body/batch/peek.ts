/** A look at the first bytes of a stream, which is then read as if nobody had looked. */

/** Its first `length` bytes, or fewer where it has no more, and all of it from the beginning. */
export async function peek(
  chunks: AsyncGenerator<Buffer>,
  length: number,
): Promise<{ readonly head: Buffer; readonly all: AsyncGenerator<Buffer> }> {
  const read: Buffer[] = [];
  let size = 0;
  while (size < length) {
    const next = await chunks.next();
    if (next.done === true) break;
    read.push(next.value);
    size += next.value.length;
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    yield* read;
    yield* chunks;
  };
  return { head: Buffer.concat(read).subarray(0, length), all: all() };
}
