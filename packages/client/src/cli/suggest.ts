/** What somebody may have meant who wrote a word that there is not. */

/** A hint for the end of a message, with `before` the word: `; did you mean quintet status?`; nothing where no word is near. */
export function suggest(word: string, known: Iterable<string>, before = ''): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean ${before}${near}?`;
}

/** The known word that is nearest, where it is near enough: a third of its letters may differ; or the only one that begins so. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const lower = word.toLowerCase();
  const words = [...known];
  const begun = words.filter((each) => lower.replace(/^-+/, '') !== '' && each.startsWith(lower));
  if (begun.length === 1) return begun[0];
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const each of words) {
    const distance = editDistance(lower, each);
    const most = Math.max(1, Math.floor(each.replace(/^-+/, '').length / 3));
    if (distance <= most && distance < (best?.distance ?? Infinity)) best = { word: each, distance };
  }
  return best?.word;
}

/**
 * How many letters have to be put in, left out, changed or swapped with their neighbour to make `b` of `a`: the optimal string
 * alignment distance (Boytsov, Indexing methods for approximate dictionary searching, 2011, section 2.2).
 */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, changed, swaps ? at(i - 2, j - 2) + 1 : Infinity));
    }
  }
  return at(a.length, b.length);
}
