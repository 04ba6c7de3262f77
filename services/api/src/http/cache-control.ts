/**
 * The Cache-Control request header (RFC 9111 section 5.2.1), as far as stored answers are concerned.
 *
 * Grammar: directives separated by commas, each `name [= token or quoted string]`, names case-insensitive. What is not
 * understood is ignored, as the RFC has it, so nothing here is an error.
 */
import { splitList } from './header-list.js';

export interface Caching {
  /** Whether an answer that another job was given may be given to this one. */
  readonly reuse: boolean;
  /** Whether this job's answer may be kept for others. What is not kept is not reused either. */
  readonly store: boolean;
}

const directive = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:=([!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[^"\\]|\\.)*"))?$/s;

/** Reads the header's lines; each may hold several directives. `max-age=0` says the same as `no-cache`. */
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
