/**
 * Queries, above all those of lists that are read a page at a time: `limit`, `cursor`, and a filter of the list's own.
 */
import type { Request } from 'express';
import { ProblemError } from '@quintet/shared';

/** Express's own parser is off: it would make objects of what clients write. */
export function queryOf({ originalUrl }: Pick<Request, 'originalUrl'>): URLSearchParams {
  return new URLSearchParams(originalUrl.split('?').slice(1).join('?'));
}

export const defaultPageLimit = 20;
export const mostPerPage = 100;

export interface PageQuery<Value extends string, Place> {
  readonly filter: Value | undefined;
  readonly limit: number;
  /** The place behind which the page begins. */
  readonly after: Place | undefined;
}

/** Throws `option_unknown` or `option_invalid`. `readCursor` returns undefined for what is no cursor. */
export function pageQuery<const Value extends string, Place>(
  request: Request,
  filter: { readonly name: string; readonly values: readonly Value[] },
  readCursor: (text: string) => Place | undefined,
): PageQuery<Value, Place> {
  const query = queryOf(request);
  const names = [filter.name, 'limit', 'cursor'];
  for (const name of query.keys()) {
    if (!names.includes(name)) throw optionUnknown(name, names.join(', '));
    if (query.getAll(name).length > 1) throw optionInvalid(name, 'given once');
  }
  const [wanted, limit = String(defaultPageLimit), cursor] = names.map((name) => query.get(name) ?? undefined);
  const value = filter.values.find((each) => each === wanted);
  if (wanted !== undefined && value === undefined) {
    throw optionInvalid(filter.name, `one of ${filter.values.join(', ')}`);
  }
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > mostPerPage) {
    throw optionInvalid('limit', `a whole number from 1 to ${mostPerPage}`);
  }
  const after = cursor === undefined ? undefined : readCursor(cursor);
  if (cursor !== undefined && after === undefined) throw optionInvalid('cursor', 'the next_cursor of a page');
  return { filter: value, limit: Number(limit), after };
}

export function optionUnknown(name: string, known: string): ProblemError {
  const told = name.slice(0, 64);
  return new ProblemError('option_unknown', `Unknown: ${JSON.stringify(told)}. Options are ${known}.`, {
    errors: [{ detail: `not an option; options are ${known}`, pointer: `#/${encodeURIComponent(told)}` }],
  });
}

export function optionInvalid(name: string, allowed: string): ProblemError {
  const detail = `${name} must be ${allowed}`;
  return new ProblemError('option_invalid', `${detail}.`, { errors: [{ detail, pointer: `#/${name}` }] });
}
