/** Steps of the set-up that do not wait for each other. */

/**
 * Does all of `works` at once; where one fails the others are ended, and waited for, before its error is thrown.
 * @template {readonly ((signal: AbortSignal) => Promise<any>)[]} T
 * @param {AbortSignal} signal
 * @param {readonly [...T]} works
 * @returns {Promise<{ [I in keyof T]: Awaited<ReturnType<T[I]>> }>}
 */
export async function together(signal, works) {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  /** @type {{ error: unknown } | undefined} */
  let first;
  const ends = await Promise.all(
    works.map(async (work) => {
      try {
        return await work(either);
      } catch (error) {
        first ??= { error };
        failing.abort(error);
        return undefined;
      }
    }),
  );
  if (first !== undefined) throw first.error;
  return /** @type {any} */ (ends);
}
