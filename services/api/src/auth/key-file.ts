/**
 * The file of keys, followed as it changes: keys come and go without a restart.
 *
 *   start: read, or the start fails
 *   every second: unchanged → nothing; changed and good → it counts; changed and bad, or gone → a log line, once for
 *   each such state, and what counted before goes on counting
 * Invariant: what counts is always a whole, valid list; an editor that is half-way through writing, an empty file or one
 * that was removed neither opens the service nor shuts anybody out.
 * Trade-off: the content is compared, not watched for events: those get lost on network and container mounts, and a list
 * of keys is small.
 */
import { readFile } from 'node:fs/promises';
import { parseApiKeys, type ApiKeyEntry, type Logger } from '@quintet/shared';

const checkMs = 1000;

export interface KeyFileOptions {
  readonly read: () => Promise<string>;
  /** Takes a valid list; may refuse it by throwing. */
  readonly apply: (entries: readonly ApiKeyEntry[]) => void;
  readonly logger: Pick<Logger, 'info' | 'error'>;
}

/** Reads the file for the first time and returns what looks again. Rejects where it cannot be used. */
export async function openKeyFile({ read, apply, logger }: KeyFileOptions): Promise<() => Promise<void>> {
  const first = await read();
  apply(parseApiKeys(first));
  // The last state that was seen, good or bad: its content, or why it could not be read.
  let seen: string | Error = first;

  const refuse = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error({ reason }, 'API_KEYS_FILE cannot be used; the keys from before go on counting');
  };
  return async () => {
    let now: string;
    try {
      now = await read();
    } catch (error) {
      if (!(seen instanceof Error)) refuse(error);
      seen = new Error('unreadable');
      return;
    }
    if (now === seen) return;
    seen = now;
    try {
      const entries = parseApiKeys(now);
      apply(entries);
      logger.info({ keys: entries.length }, 'API_KEYS_FILE has changed');
    } catch (error) {
      refuse(error);
    }
  };
}

/** Follows the file at `path` until the returned function is called. */
export async function followKeyFile(
  path: string,
  apply: KeyFileOptions['apply'],
  logger: KeyFileOptions['logger'],
): Promise<() => void> {
  const check = await openKeyFile({ read: () => readFile(path, 'utf8'), apply, logger });
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const later = (): void => {
    if (closed) return;
    timer = setTimeout(() => void check().finally(later), checkMs);
    timer.unref();
  };
  later();
  return () => {
    closed = true;
    clearTimeout(timer);
  };
}
