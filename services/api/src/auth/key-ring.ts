/** The keys that are valid now, and whose they are. */
import { timingSafeEqual } from 'node:crypto';
import { digestOfKey, isKey, refuseDuplicates, type ApiKeyEntry } from '@quintet/shared';

interface Known {
  readonly digest: Buffer;
  readonly entry: ApiKeyEntry;
}

export class KeyRing {
  #known: readonly Known[] = [];

  /** Puts `entries` in the place of those before. Throws ApiKeysError, and changes nothing then, where two have one key. */
  replace(entries: readonly ApiKeyEntry[]): void {
    refuseDuplicates(entries);
    this.#known = entries.map((entry) => ({ digest: Buffer.from(entry.hash.slice('sha256:'.length), 'hex'), entry }));
  }

  get size(): number {
    return this.#known.length;
  }

  /** The entry of `key`, or undefined. Takes as long for every key that has the form of one, whether it is known or not. */
  find(key: string): ApiKeyEntry | undefined {
    if (!isKey(key)) return undefined;
    const digest = digestOfKey(key);
    let found: ApiKeyEntry | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known.entry;
    return found;
  }
}
