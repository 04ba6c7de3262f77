/** The API key of this browser, where the service asks for one. Kept until it is taken back. */

const item = 'quintet.key';

export function storedKey(): string | undefined {
  try {
    return localStorage.getItem(item) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Undefined forgets it. */
export function storeKey(key: string | undefined): void {
  try {
    if (key === undefined) localStorage.removeItem(item);
    else localStorage.setItem(item, key);
  } catch {
    // A browser that keeps nothing (private windows of some) asks again after a reload.
    kept = key;
  }
}

let kept: string | undefined;

/** The headers that a request needs. */
export function keyHeaders(): Record<string, string> {
  const key = storedKey() ?? kept;
  return key === undefined ? {} : { Authorization: `Bearer ${key}` };
}
