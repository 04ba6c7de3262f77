/**
 * A value that is expensive to ask for and may be a little old: at most one look-up is under way, and its answer is
 * shared for `ttlMs`. A failure is never kept.
 */
export function cached<T>(ttlMs: number, load: () => Promise<T>, now: () => number = () => performance.now()) {
  let pending: Promise<T> | undefined;
  let expires = 0;
  return (): Promise<T> => {
    if (pending !== undefined && now() < expires) return pending;
    const loading = load();
    pending = loading;
    expires = Infinity;
    loading.then(
      () => {
        if (pending === loading) expires = now() + ttlMs;
      },
      () => {
        if (pending === loading) pending = undefined;
      },
    );
    return loading;
  };
}
