/** Random numbers that a name determines: the same on every machine, so that a case's name is enough to make it again. */

export interface Random {
  /** A whole number from 0 to `below` − 1; 0 where `below` is 0. */
  int(below: number): number;
  pick<T>(from: readonly T[]): T;
  bytes(count: number): Buffer;
}

/** FNV-1a of the name, then mulberry32. */
export function randomOf(name: string): Random {
  let state = 0x811c9dc5;
  for (const character of name) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const int = (below: number): number => (below <= 0 ? 0 : next() % below);
  return {
    int,
    pick: <T>(from: readonly T[]): T => {
      const found = from[int(from.length)];
      if (found === undefined) throw new RangeError('nothing to pick from');
      return found;
    },
    bytes: (count) => Buffer.from(Uint8Array.from({ length: count }, () => int(256))),
  };
}
