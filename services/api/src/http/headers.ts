/**
 * Request headers that routes act on: Cache-Control, Prefer, Idempotency-Key, If-None-Match.
 *
 * The first two are lists of words. Their RFCs have a reader ignore the words that it does not know: nothing in them is
 * an error.
 */
import { ProblemError } from '@quintet/shared';

const token = String.raw`[!#$%&'*+\-.^_\x60|~0-9A-Za-z]+`;
const quoted = String.raw`"(?:[^"\\]|\\.)*"`;
const directive = new RegExp(`^(${token})(?:=(${token}|${quoted}))?$`, 's');

/**
 * Splits a list (RFC 9110 section 5.6.1) at commas outside of quoted strings. A quote that is never closed takes the
 * rest with it.
 */
function splitList(line: string): string[] {
  const elements: string[] = [];
  let start = 0;
  let inQuotes = false;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (inQuotes && character === '\\') i++;
    else if (character === '"') inQuotes = !inQuotes;
    else if (character === ',' && !inQuotes) {
      elements.push(line.slice(start, i));
      start = i + 1;
    }
  }
  elements.push(line.slice(start));
  return elements;
}

/** Whether If-None-Match names the ETag `etag`, or all of them (RFC 9110 section 13.1.2). */
export function namesEtag(header: string | undefined, etag: string): boolean {
  return splitList(header ?? '').some((each) => ['*', etag].includes(each.trim().replace(/^W\//, '')));
}

export interface Caching {
  /** Whether an answer that another job was given may be given to this one. */
  readonly reuse: boolean;
  /** Whether this job's answer may be kept for others. What is not kept is not reused either. */
  readonly store: boolean;
}

/**
 * Reads the lines of Cache-Control (RFC 9111 section 5.2.1), as far as stored answers are concerned. Each may hold
 * several directives, `name [= token or quoted string]`. `max-age=0` says the same as `no-cache`.
 */
export function parseCaching(lines: readonly string[] | undefined): Caching {
  let reuse = true;
  let store = true;
  for (const element of (lines ?? []).flatMap(splitList)) {
    const match = directive.exec(element.trim());
    const name = match?.[1]?.toLowerCase();
    if (name === 'no-cache' || (name === 'max-age' && /^"?0+"?$/.test(match?.[2] ?? ''))) reuse = false;
    if (name === 'no-store') store = false;
  }
  return { reuse: reuse && store, store };
}

/** Preferences by lower-case name; their parameters are dropped, as no preference known here has any. */
export type Preferences = ReadonlyMap<string, string>;

const preference = new RegExp(String.raw`^(${token})(?:[ \t]*=[ \t]*(${token}|${quoted}))?[ \t]*(?:;.*)?$`, 's');

/**
 * Reads the lines of Prefer (RFC 7240); each may hold several preferences, `name [= value] *(; parameter)`. Names are
 * case-insensitive; of duplicates the first counts; an empty value is the same as none.
 */
export function parsePrefer(lines: string | readonly string[] | undefined): Preferences {
  const found = new Map<string, string>();
  for (const line of typeof lines === 'string' ? [lines] : (lines ?? [])) {
    for (const element of splitList(line)) {
      const match = preference.exec(element.trim());
      const name = match?.[1]?.toLowerCase();
      if (name !== undefined && !found.has(name)) found.set(name, unquote(match?.[2] ?? ''));
    }
  }
  return found;
}

/**
 * Seconds that the client wants to wait, at most `max`; undefined where it does not ask or asks for nonsense. A bare
 * `wait`, which RFC 7240 does not have but clients of Replicate send, asks for the longest there is.
 */
export function waitSeconds(preferences: Preferences, max: number): number | undefined {
  const value = preferences.get('wait');
  if (value === undefined) return undefined;
  if (value === '') return max;
  return /^\d+$/.test(value) ? Math.min(Number(value), max) : undefined;
}

function unquote(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : word;
}

/** What of a submission's preferences was granted, for Preference-Applied: `respond-async` only where it did. */
export function appliedPreferences(
  preferences: Preferences,
  seconds: number | undefined,
  done: boolean,
): string | undefined {
  const applied = [
    ...(seconds === undefined ? [] : [`wait=${seconds}`]),
    ...(preferences.has('respond-async') && !done ? ['respond-async'] : []),
  ];
  return applied.length === 0 ? undefined : applied.join(', ');
}

const longestKey = 255;
/** Printable ASCII; within quotes, a quote and a backslash have a backslash before them. */
const quotedKey = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const bareKey = /^[\x21\x23-\x7e][\x20-\x7e]*$/;

/**
 * The key of a request, or undefined where it has none. The IETF draft has a string of structured fields (RFC 8941
 * section 3.3.3); many clients send the key bare, which names the same key. Throws `idempotency_key_invalid`.
 */
export function parseIdempotencyKey(lines: readonly string[] | undefined): string | undefined {
  if (lines === undefined) return undefined;
  const [line = '', ...others] = lines;
  const key = others.length > 0 ? undefined : readKey(line.trim());
  if (key !== undefined && key.length >= 1 && key.length <= longestKey) return key;
  throw new ProblemError(
    'idempotency_key_invalid',
    `Idempotency-Key must be one string of 1 to ${longestKey} printable ASCII characters, bare or in double quotes.`,
  );
}

function readKey(value: string): string | undefined {
  if (value.startsWith('"')) return quotedKey.exec(value)?.[1]?.replaceAll(/\\(["\\])/g, '$1');
  return bareKey.test(value) ? value : undefined;
}
