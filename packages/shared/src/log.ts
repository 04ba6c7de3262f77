/** Logging: pino, one JSON object a line, with the ids that tie the lines of one request together. */
import pino from 'pino';

export type Logger = pino.Logger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The logger of a service. Children carry `request_id` and `job_id` from the HTTP request to the worker's last line.
 * Secrets never reach it: the paths below are removed wherever an object that has them is logged.
 */
export function createLogger(service: string, level: LogLevel, bindings: Record<string, unknown> = {}): Logger {
  return pino({
    level,
    base: { service, pid: process.pid, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: 'message',
    errorKey: 'error',
    redact: {
      paths: ['*.authorization', '*.cookie', '*.secret', '*.password', 'REDIS_URL', 'WEBHOOK_SECRET'],
      remove: true,
    },
  });
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
