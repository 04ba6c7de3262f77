/**
 * Configuration from the environment, parsed once, before anything starts.
 *
 * A variable is a name, what is allowed in words, a parser and a default. `readConfig` parses those a service asks for
 * and reports every bad value at once: the variable, the value, and what is allowed. An empty value means "not set", as
 * docker compose passes unset variables so.
 */
import { z } from 'zod';

export interface Variable<T> {
  readonly allowed: string;
  readonly description: string;
  /** Written as in the environment; undefined where there is none. */
  readonly fallback: string | undefined;
  readonly secret: boolean;
  readonly parse: z.ZodType<T, string>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

interface VariableOptions {
  readonly fallback?: string;
  readonly secret?: boolean;
}

export function variable<T>(
  description: string,
  allowed: string,
  parse: z.ZodType<T, string>,
  options: VariableOptions = {},
): Variable<T> {
  return { description, allowed, parse, fallback: options.fallback, secret: options.secret ?? false };
}

const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);

/** A whole number from `min` to `max`; units stand in the variable's name. */
export function integer(description: string, min: number, max: number, fallback: number): Variable<number> {
  return variable(description, `a whole number from ${min} to ${max}`, wholeNumber.pipe(z.int().min(min).max(max)), {
    fallback: String(fallback),
  });
}

/** The same, without a default: undefined where it is not set. */
export function optionalInteger(description: string, min: number, max: number): Variable<number | undefined> {
  return variable(description, `a whole number from ${min} to ${max}`, wholeNumber.pipe(z.int().min(min).max(max)));
}

export function oneOf<const T extends string>(description: string, values: readonly T[], fallback: T): Variable<T> {
  return variable(description, `one of ${values.join(', ')}`, z.enum(values), { fallback });
}

export function flag(description: string, fallback: boolean): Variable<boolean> {
  const parse = z.enum(['true', 'false']).transform((text) => text === 'true');
  return variable(description, 'true or false', parse, { fallback: String(fallback) });
}

export function text(description: string, allowed: string, options: VariableOptions & { pattern?: RegExp } = {}) {
  const parse = z.string().regex(options.pattern ?? /^.+$/s);
  return variable(description, allowed, parse, options);
}

export function optionalText(
  description: string,
  allowed: string,
  options: { secret?: boolean; pattern?: RegExp } = {},
): Variable<string | undefined> {
  return variable(description, allowed, z.string().regex(options.pattern ?? /^.+$/s), options);
}

export type ConfigOf<V extends Record<string, Variable<unknown>>> = {
  readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never;
};

/** Parses `variables` from `environment`; throws ConfigError that names every bad one. */
export function readConfig<V extends Record<string, Variable<unknown>>>(
  variables: V,
  environment: Environment,
): ConfigOf<V> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { parse, fallback, allowed, secret }] of Object.entries(variables)) {
    const given = environment[name];
    const source = given === undefined || given.trim() === '' ? fallback : given.trim();
    if (source === undefined) {
      values[name] = undefined;
      continue;
    }
    const parsed = parse.safeParse(source);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name}=${secret ? '(hidden)' : JSON.stringify(source)} is not allowed; expected ${allowed}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as ConfigOf<V>;
}
