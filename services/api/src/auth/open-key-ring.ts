/** The keys of the configuration, from the environment and from a file that is followed. */
import type { ApiKeyEntry, Logger } from '@quintet/shared';
import { followKeyFile } from './key-file.js';
import { KeyRing } from './key-ring.js';

export interface OpenKeyRing {
  readonly ring: KeyRing;
  /** Ends the following of the file. */
  readonly close: () => void;
}

/** Undefined where the service is to know no keys. Rejects where the file cannot be used. */
export async function openKeyRing(options: {
  /** API_KEYS. */
  readonly entries: readonly ApiKeyEntry[] | undefined;
  /** API_KEYS_FILE. */
  readonly file: string | undefined;
  /** Where the service listens. */
  readonly host: string;
  readonly logger: Logger;
}): Promise<OpenKeyRing | undefined> {
  const { entries = [], file, host, logger } = options;
  if (entries.length === 0 && file === undefined) {
    // On a laptop that only its owner reaches this is no reason to worry.
    const level = /^(127\.|::1$|localhost$)/.test(host) ? 'info' : 'warn';
    logger[level]('no API keys are configured: whoever reaches this port may submit, read and cancel every job');
    return undefined;
  }
  const ring = new KeyRing();
  const apply = (filed: readonly ApiKeyEntry[]): void => {
    ring.replace([...entries, ...filed]);
  };
  const close = file === undefined ? undefined : await followKeyFile(file, apply, logger);
  if (file === undefined) apply([]);
  logger.info({ keys: ring.size }, 'API keys are required');
  return { ring, close: close ?? (() => undefined) };
}
