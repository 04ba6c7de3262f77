/** Random moments that can be had again: FAULTS_SEED=<the seed that a row names>. */
export function seededRandom(): { readonly seed: number; next(): number } {
  const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000);
  let state = seed >>> 0;
  return {
    seed,
    next: () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
