/** PackBits (TIFF 6.0, section 9), in pieces that lie in the same memory one after the other. Ends early where the data does. */
export function* unpackPackbits(data: Uint8Array): Generator<Uint8Array> {
  const out = new Uint8Array(65_536 + 128);
  let filled = 0;
  for (let at = 0; at < data.length;) {
    const head = data[at++] ?? 0;
    if (head === 128) continue;
    if (head < 128) {
      const bytes = data.subarray(at, at + head + 1);
      out.set(bytes, filled);
      filled += bytes.length;
      at += bytes.length;
    } else {
      if (at >= data.length) break;
      out.fill(data[at++] ?? 0, filled, filled + 257 - head);
      filled += 257 - head;
    }
    if (filled >= 65_536) {
      yield out.subarray(0, filled);
      filled = 0;
    }
  }
  if (filled > 0) yield out.subarray(0, filled);
}
