/**
 * Options of a job, from JSON or from strings (form fields, query parameters), checked against the one schema.
 *
 * Strings are read as what the option is: a number, true or false, a list separated by commas, a JSON object. What cannot be read so
 * goes to the schema as it is, which refuses it and says what is allowed.
 */
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

/** The same for options that arrive as strings; a repeated name is allowed for lists only. */
export function parseTextOptions(entries: Iterable<readonly [string, string]>): JobOptions {
  const given = new Map<string, string[]>();
  for (const [name, value] of entries) {
    const values = given.get(name);
    if (values === undefined) given.set(name, [value]);
    else values.push(value);
  }
  const values = [...given].map(([name, texts]) => [name, coerce(name, texts)] as const);
  return parseOptions(Object.fromEntries(values));
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
      return text === 'true' ? true : text === 'false' ? false : text;
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
