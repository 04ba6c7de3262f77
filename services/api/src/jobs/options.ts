/**
 * Options of a job, from the query, from JSON or from the fields of a form, checked against the one schema.
 *
 * Strings are read as what the option is: a number, true or false, a list separated by commas, a JSON object. What cannot be read so
 * goes to the schema as it is, which refuses it and says what is allowed. An option may come in the query or in the body, with
 * every kind of body: clients that were generated from the OpenAPI document have one place for it, whatever they send.
 */
import { isDeepStrictEqual } from 'node:util';
import { jobOptionsSchema, ProblemError, webhookEvents, type FieldError, type JobOptions } from '@quintet/shared';
import { parseJson } from '../parse-json.js';

type OptionName = keyof JobOptions;

/** In words, for whoever sent something else. */
const allowed: Readonly<Record<OptionName, string>> = {
  model: 'a model name such as resnet50',
  top_k: 'a whole number from 1 to 20',
  min_score: 'a number from 0 to 1',
  explain: 'true or false',
  webhook_url: 'an http:// or https:// address of at most 2048 characters',
  webhook_events: `some of ${webhookEvents.join(', ')}`,
  ttl_seconds: 'a number above 0, at most 604800',
  priority: 'a whole number from 0 (first) to 10 (last)',
  metadata:
    'a flat object of at most 16 strings: keys of 1 to 64 characters, none of them __proto__, values of at most 512',
};

export const optionNames = Object.keys(allowed) as OptionName[];

function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(allowed, name);
}

/** Checks options as JSON has them. Throws `option_unknown` or `option_invalid`, naming each offender. */
export function parseOptions(given: Readonly<Record<string, unknown>>): JobOptions {
  const unknown = Object.keys(given).filter((name) => !isOptionName(name));
  if (unknown.length > 0) throw unknownOptions(unknown);
  const parsed = jobOptionsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const errors = new Map<string, FieldError>();
  for (const { path } of parsed.error.issues) {
    const name = String(path[0]);
    if (!isOptionName(name)) continue;
    const pointer = `#/${path.map((step) => pointerStep(String(step))).join('/')}`;
    const detail = `${name} must be ${allowed[name]}, not ${shown(given[name])}`;
    if (!errors.has(pointer)) errors.set(pointer, { detail, pointer });
  }
  const all = [...errors.values()];
  throw new ProblemError('option_invalid', `${[...new Set(all.map(({ detail }) => detail))].join('; ')}.`, {
    errors: all,
  });
}

/** The same for options that arrive as strings. */
export function parseTextOptions(entries: Iterable<readonly [string, string]>): JobOptions {
  return parseOptions(readTextOptions(entries));
}

/** Strings as JSON would have them, by name, not checked yet. A name may be repeated for a list, and with one value. */
export function readTextOptions(entries: Iterable<readonly [string, string]>): Readonly<Record<string, unknown>> {
  const given = new Map<string, Set<string>>();
  for (const [name, value] of entries) given.set(name, (given.get(name) ?? new Set()).add(value));
  return Object.fromEntries([...given].map(([name, texts]) => [name, coerce(name, [...texts])]));
}

/** The options of one request, of its query and of its body together. Throws `option_conflict` where they contradict each other. */
export function joinOptions(
  query: Readonly<Record<string, unknown>>,
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const errors = Object.keys(query)
    .filter((name) => Object.hasOwn(body, name) && !isSame(query[name], body[name]))
    .map((name): FieldError => ({
      detail: `${name} is ${shown(query[name])} in the query and ${shown(body[name])} in the body`,
      pointer: `#/${pointerStep(name.slice(0, 64))}`,
    }));
  if (errors.length === 0) return { ...query, ...body };
  const told = errors.map(({ detail }) => detail).join('; ');
  throw new ProblemError('option_conflict', `${told}. Send each option once, or with the same value.`, { errors });
}

/** Whether two values of an option mean the same: lists are sets here. */
function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) return isDeepStrictEqual(new Set(one), new Set(other));
  return isDeepStrictEqual(one, other);
}

function coerce(name: string, texts: readonly string[]): unknown {
  if (name === 'webhook_events') {
    return texts.flatMap((text) => text.split(',').map((event) => event.trim())).filter((event) => event !== '');
  }
  const [text] = texts;
  if (text === undefined || texts.length > 1) return texts;
  switch (name) {
    case 'top_k':
    case 'min_score':
    case 'ttl_seconds':
    case 'priority':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text;
    case 'explain':
      // Python writes True, and PHP 1.
      return /^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : text;
    case 'metadata':
      try {
        return parseJson(text);
      } catch {
        return text;
      }
    default:
      return text;
  }
}

function unknownOptions(names: readonly string[]): ProblemError {
  const known = optionNames.join(', ');
  const listed = names.slice(0, 8).map((name) => shown(name));
  return new ProblemError('option_unknown', `Unknown: ${listed.join(', ')}. Options are ${known}.`, {
    errors: names.slice(0, 8).map((name) => ({
      detail: `not an option; options are ${known}`,
      pointer: `#/${pointerStep(name.slice(0, 64))}`,
    })),
  });
}

/** RFC 6901 escapes, then those of a URI fragment (its section 6). */
function pointerStep(step: string): string {
  return encodeURIComponent(
    step
      .replaceAll(/\p{Surrogate}/gu, '\ufffd')
      .replaceAll('~', '~0')
      .replaceAll('/', '~1'),
  );
}

/** A value as an error may repeat it: JSON, cut short. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
