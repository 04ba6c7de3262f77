/**
 * Text as a terminal may be given it. File names, labels and error details are other people's, and a terminal obeys
 * what it is sent.
 */

/** C0, DEL and C1 controls, line separators, and what turns the direction of writing. */
// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;

/** `text` on one line, with each character that is none to be seen as `\xNN` or `\u{N}`. */
export function printable(text: string): string {
  return text.replaceAll(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** JSON, with the same characters as escapes: the value is the same. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(unsafe, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const noWidth = /\p{Mark}/u;

/** Columns that printable text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += noWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** Cut in the middle to at most `width` columns: a path's end tells more than its middle. */
export function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const characters = Array.from(text);
  const keep = (part: readonly string[], room: number): string[] => {
    const kept: string[] = [];
    let used = 0;
    for (const character of part) {
      used += widthOf(character);
      if (used > room) break;
      kept.push(character);
    }
    return kept;
  };
  const start = Math.floor((width - 1) / 3);
  return `${keep(characters, start).join('')}…${keep(characters.toReversed(), width - 1 - start)
    .toReversed()
    .join('')}`;
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}

/**
 * Rows with tabs between their cells, for programs: the first one names the columns, nothing is shortened or coloured,
 * numbers are whole. A tab, a line break or a backslash in a cell is written as `\t`, `\n`, `\r` or `\\`, so that a
 * line is a row and a tab is a border, whatever a file is called. `shown`: it goes to a terminal, which must not be
 * given control characters.
 */
export function tsv(rows: readonly (readonly string[])[], shown = false): string {
  const cell = (text: string): string => (shown ? printable(tsvCell(text)) : tsvCell(text));
  return rows.map((cells) => `${cells.map(cell).join('\t')}\n`).join('');
}

const escapes: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };

function tsvCell(text: string): string {
  return text.replaceAll(/[\t\n\r\\]/g, (character) => escapes[character] ?? character);
}
