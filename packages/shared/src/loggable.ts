/**
 * What is logged of a value: a tree that is bounded, whatever the value refers to.
 *
 * Errors and objects are graphs. ioredis puts the error of a lost MULTI into that error's own `previousErrors`, and any library
 * may tie causes or members into a ring. They also carry data. ioredis attaches the command that failed with all its arguments:
 * a picture of megabytes, a record with its webhook's address, or, of AUTH, the password. So each object is written once, only
 * the name of a command is kept, secrets are left out, and depth, number and length have a limit.
 */
const deepest = 8;
const mostObjects = 100;
const mostMembers = 100;
const longestText = 16 * 1024;

/** Members that are left out wherever they are. */
const secretMembers = new Set([
  ...['authorization', 'cookie', 'secret', 'password', 'x-api-key'],
  ...['REDIS_URL', 'WEBHOOK_SECRET', 'API_KEYS'],
]);

const unreadable = '[cannot be read]';

/** The members of `object` as they are logged. Never throws. */
export function loggable(object: Record<string, unknown>): Record<string, unknown> {
  try {
    return membersOf(object, Object.keys(object), new Set([object]), 0);
  } catch {
    return { unreadable };
  }
}

function copyOf(value: unknown, seen: Set<object>, depth: number): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return '[above]';
  if (depth > deepest || seen.size >= mostObjects) return '[cut]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  seen.add(value);
  if (value instanceof Error) return errorOf(value, seen, depth);
  if (hasJsonForm(value)) return copyOf(value.toJSON(), seen, depth + 1);
  if (!Array.isArray(value)) return membersOf(value, Object.keys(value), seen, depth);
  const items = value.slice(0, mostMembers).map((item) => safely(() => copyOf(item, seen, depth + 1)));
  return value.length > mostMembers ? [...items, `[${value.length - mostMembers} more]`] : items;
}

/** The messages and stacks of the causes follow its own, as pino has it. */
function errorOf(error: Error, seen: Set<object>, depth: number): Record<string, unknown> {
  const chain = [error];
  for (
    let { cause } = error;
    cause instanceof Error && !seen.has(cause) && chain.length <= deepest;
    { cause } = cause
  ) {
    seen.add(cause);
    chain.push(cause);
  }
  const names = Object.keys(error).filter((name) => !['cause', 'errors', 'message', 'stack'].includes(name));
  return {
    type: error.constructor.name,
    message: cut(chain.map(({ message }) => message).join(': ')),
    stack: cut(chain.map(({ stack }) => stack).join('\ncaused by: ')),
    ...('errors' in error ? { aggregateErrors: copyOf(error.errors, seen, depth + 1) } : {}),
    ...membersOf(error, names, seen, depth),
  };
}

function membersOf(
  object: object,
  names: readonly string[],
  seen: Set<object>,
  depth: number,
): Record<string, unknown> {
  const wanted = names.filter((name) => !secretMembers.has(name)).slice(0, mostMembers);
  return Object.fromEntries(
    wanted.map((name) => [
      name,
      safely(() => {
        const member = (object as Record<string, unknown>)[name];
        return copyOf(name === 'command' ? nameOf(member) : member, seen, depth + 1);
      }),
    ]),
  );
}

/** A date, an address. */
function hasJsonForm(value: object): value is { toJSON: () => unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

function nameOf(command: unknown): unknown {
  return typeof command === 'object' && command !== null && 'name' in command ? command.name : command;
}

function safely(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return unreadable;
  }
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}… (${text.length} characters)` : text;
}
