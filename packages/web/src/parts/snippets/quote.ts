/**
 * Text as a literal of a language: what a stranger called a file stays a name, whatever is in it.
 *
 * Two things go wrong with names: they end the literal, or they do something to who looks at it. So beside quotes and
 * backslashes every character that is not seen is escaped: controls (a terminal obeys some even while text is being pasted),
 * line separators, and what changes the direction of the text around it. Text that is no well-formed Unicode has U+FFFD in
 * the place of what is not.
 */

/** Controls, line and paragraph separators, formatting characters such as U+202E, and what is assigned to nothing. */
const unseen = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Co}\p{Cn}]/u;
const everyUnseen = new RegExp(unseen, 'gu');

const hex = (codePoint: number, digits: number): string => codePoint.toString(16).padStart(digits, '0');

function codePointOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

/** A string of JavaScript, in single quotes. */
export function javaScriptString(text: string): string {
  const inner = wellFormed(text)
    .replaceAll(/[\\']/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll(everyUnseen, (character) => {
      const codePoint = codePointOf(character);
      return codePoint > 0xffff ? `\\u{${hex(codePoint, 1)}}` : `\\u${hex(codePoint, 4)}`;
    });
  return `'${inner}'`;
}

/** A string of Python 3, in double quotes. */
export function pythonString(text: string): string {
  const inner = wellFormed(text)
    .replaceAll(/[\\"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll(everyUnseen, (character) => {
      const codePoint = codePointOf(character);
      return codePoint > 0xffff ? `\\U${hex(codePoint, 8)}` : `\\u${hex(codePoint, 4)}`;
    });
  return `"${inner}"`;
}

/** JSON whose text has nothing unseen in it. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(everyUnseen, (character) =>
    // The line breaks of the indentation; JSON.stringify has escaped those of strings.
    character === '\n' ? character : character.replaceAll(/[^]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`),
  );
}

/**
 * A word of a POSIX shell: as it is where it needs no quotes, else in single quotes, where nothing means anything.
 *
 * What is unseen could be there too, but whoever pastes it would have the terminal read it: `ESC [201~` ends a bracketed paste,
 * and what follows is typed. Such a word is written by the shell's own printf from octal digits.
 */
export function shellWord(text: string): string {
  const word = wellFormed(text).replaceAll('\0', '\ufffd');
  if (unseen.test(word)) return shellPrintf(word);
  if (/^[\w./:@%+=,-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** `"$(printf '…')"`; `$(…)` drops line breaks at the end, which stand behind it instead. */
function shellPrintf(word: string): string {
  const [, body = '', breaks = ''] = /^([^]*?)(\n*)$/.exec(word) ?? [];
  const format = body.replaceAll(/[^\w./:@=, -]/gu, (character) =>
    character === '%'
      ? '%%'
      : [...new TextEncoder().encode(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
  );
  // A first `-` would be taken for an option.
  const written = `"$(printf '${format.replace(/^-/, '\\055')}')"`;
  return breaks === '' ? written : `${written}'${breaks}'`;
}

/** Lone halves of surrogate pairs have no bytes that a file name, a URL or a program's text could hold. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
}
