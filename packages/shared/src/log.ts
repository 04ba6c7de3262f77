/** Logging: pino, one JSON object a line, with the ids that tie the lines of one request together. */
import pino from 'pino';

export type Logger = pino.Logger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Members that are removed wherever they are logged, up to two levels down. */
const secretMembers = ['authorization', 'cookie', 'secret', 'password', 'x-api-key'];

/**
 * The logger of a service. Children carry `request_id` and `job_id` from the HTTP request to the worker's last line.
 * Secrets never reach it: the paths below are removed wherever an object that has them is logged.
 */
export function createLogger(
  service: string,
  level: LogLevel,
  bindings: Record<string, unknown> = {},
  destination?: pino.DestinationStream,
): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: { service, pid: process.pid, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: 'message',
    errorKey: 'error',
    serializers: { error: withoutCommand },
    redact: {
      paths: [
        ...secretMembers.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
        ...['REDIS_URL', 'WEBHOOK_SECRET', 'API_KEYS'],
      ],
      remove: true,
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/**
 * An error as it is logged. ioredis attaches the command that failed with all its arguments: a picture of megabytes, a
 * record with its webhook's address, or, of AUTH, the password. Only the name of it is kept.
 */
function withoutCommand(error: unknown): unknown {
  return error instanceof Error ? withoutArguments(pino.stdSerializers.err(error)) : error;
}

/** The same for what pino has already made of an error, and for those within it. */
function withoutArguments(serialized: object): object {
  const entries = Object.entries(serialized).map(([name, member]: [string, unknown]): [string, unknown] => {
    if (name === 'command' && isObject(member)) return [name, member['name']];
    if (Array.isArray(member)) return [name, member.map(clean)];
    return [name, clean(member)];
  });
  return Object.fromEntries(entries);
}

function clean(member: unknown): unknown {
  if (member instanceof Error) return withoutCommand(member);
  return isObject(member) && typeof member['stack'] === 'string' ? withoutArguments(member) : member;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** A readable form of a Redis address for logs: without user and password. */
export function redactUrl(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.username = '';
    parsed.password = '';
    return parsed.toString();
  } catch {
    return '(not a URL)';
  }
}
