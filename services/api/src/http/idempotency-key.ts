/**
 * The Idempotency-Key request header (IETF httpapi draft): a string of structured fields (RFC 8941 section 3.3.3), such as
 * `"8e03978e-40d5-43dd-bc93-6894a57f9324"`. Many clients send the key bare, which names the same key.
 */
import { ProblemError } from '@quintet/shared';

const longest = 255;
/** Printable ASCII; within quotes, a quote and a backslash have a backslash before them. */
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const bare = /^[\x21\x23-\x7e][\x20-\x7e]*$/;

/** The key of a request, or undefined where it has none. Throws `idempotency_key_invalid`. */
export function parseIdempotencyKey(lines: readonly string[] | undefined): string | undefined {
  if (lines === undefined) return undefined;
  const [line = '', ...others] = lines;
  const key = others.length > 0 ? undefined : read(line.trim());
  if (key !== undefined && key.length >= 1 && key.length <= longest) return key;
  throw new ProblemError(
    'idempotency_key_invalid',
    `Idempotency-Key must be one string of 1 to ${longest} printable ASCII characters, bare or in double quotes.`,
  );
}

function read(value: string): string | undefined {
  if (value.startsWith('"')) return quoted.exec(value)?.[1]?.replaceAll(/\\(["\\])/g, '$1');
  return bare.test(value) ? value : undefined;
}
