/**
 * `JSON.parse` of what a client sent, which may not be deep.
 *
 * `JSON.parse` itself reads any depth, but what comes after it is recursive: a reviver, `JSON.stringify` for an error that repeats
 * the value, a deep comparison. 64 kB of brackets would end each of them with a RangeError, which is no SyntaxError.
 */

/** Deeper than any document of this API is. */
export const mostDepth = 16;

/**
 * Parses `text`, which is small. Throws SyntaxError, also where it is nested more than `mostDepth` deep.
 * A byte-order mark before it is passed over, as RFC 8259 section 8.1 allows: .NET and PowerShell write one.
 */
export function parseJson(text: string, reviver?: (name: string, value: unknown) => unknown): unknown {
  checkDepth(text);
  return JSON.parse(withoutMark(text), reviver) as unknown;
}

/** The document without the byte-order mark before it. */
export function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/**
 * Throws SyntaxError where a document that begins with `bytes` is UTF-16 or UTF-32, which JSON on a network is not: it says so by
 * its byte-order mark, or by a zero byte in its first character.
 */
export function refuseUtf16(bytes: Buffer): void {
  const [first, second] = bytes;
  const isMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isMark || first === 0 || second === 0) throw new SyntaxError('it is UTF-16 or UTF-32; JSON must be UTF-8');
}

const [quote, backslash, openList, closeList, openObject, closeObject] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

function checkDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) inString = !inString;
    else if (inString) at += code === backslash ? 1 : 0;
    else if (code === openList || code === openObject) depth += 1;
    else if (code === closeList || code === closeObject) depth -= 1;
    if (depth > mostDepth) throw tooDeep();
  }
}

export function tooDeep(): SyntaxError {
  return new SyntaxError(`it is nested more than ${mostDepth} deep`);
}
