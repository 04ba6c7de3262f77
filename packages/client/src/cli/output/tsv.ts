import { printable } from './printable.js';

/**
 * Rows with tabs between their cells, for programs: the first one names the columns, nothing is shortened or coloured, numbers are whole. A tab, a
 * line break or a backslash in a cell is written as `\t`, `\n`, `\r` or `\\`, so that a line is a row and a tab is a border, whatever a
 * file is called. `shown`: it goes to a terminal, which must not be given control characters.
 */
export function tsv(rows: readonly (readonly string[])[], shown = false): string {
  const cell = (text: string): string => (shown ? printable(tsvCell(text)) : tsvCell(text));
  return rows.map((cells) => `${cells.map(cell).join('\t')}\n`).join('');
}

const escapes: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };

function tsvCell(text: string): string {
  return text.replaceAll(/[\t\n\r\\]/g, (character) => escapes[character] ?? character);
}
