/** Logging: pino, one JSON object a line, with the ids that tie the lines of one request together. */
import pino from 'pino';
import { stdoutDestination } from './log-destination.js';
import { loggable } from './loggable.js';

export type Logger = pino.Logger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The logger of a service. Children carry `request_id` and `job_id` from the HTTP request to the worker's last line.
 * What it writes of an object or an error is bounded and without secrets (loggable.ts), and a line never throws.
 */
export function createLogger(
  service: string,
  level: LogLevel,
  bindings: Record<string, unknown> = {},
  destination: pino.DestinationStream = stdoutDestination(),
): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: { service, pid: process.pid, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: loggable },
    // What is copied above has no errors in it, which pino would look for under this name.
    serializers: { err: (copy: unknown) => copy },
    messageKey: 'message',
    errorKey: 'error',
  };
  const logger: Logger = pino(options, destination);
  // pino formats what is logged, and not what its children are bound to. They inherit this.
  const { child } = logger as unknown as { readonly child: (this: Logger, bound: pino.Bindings) => Logger };
  logger.child = function (this: Logger, bound: pino.Bindings) {
    return child.call(this, loggable(bound));
  } as unknown as Logger['child'];
  return logger;
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
