/**
 * The Prefer request header (RFC 7240).
 *
 * Grammar: preferences separated by commas, each `name [= value] *(; parameter)`, values tokens or quoted strings. Names are
 * case-insensitive; of duplicates the first counts; an empty value is the same as none; what is not understood, or is
 * not grammatical, MUST be ignored (section 2), so nothing here is an error.
 */

import { splitList } from './header-list.js';

/** Preferences by lower-case name; their parameters are dropped, as no preference known here has any. */
export type Preferences = ReadonlyMap<string, string>;

const token = String.raw`[!#$%&'*+\-.^_\x60|~0-9A-Za-z]+`;
const quoted = String.raw`"(?:[^"\\]|\\.)*"`;
const preference = new RegExp(String.raw`^(${token})(?:[ \t]*=[ \t]*(${token}|${quoted}))?[ \t]*(?:;.*)?$`, 's');

/** Reads the header's lines; each may hold several preferences. */
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
