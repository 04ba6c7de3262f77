/** Steps of the set-up side by side: an installation must not go on behind an error that is already told. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { together } from '../../scripts/lib/together.mjs';

/** Goes on until it is ended. */
const endless = async (signal: AbortSignal, onEnd = () => undefined as unknown): Promise<never> => {
  if (!signal.aborted) await once(signal, 'abort');
  onEnd();
  throw signal.reason;
};

it('gives all results, in the order of the works', async () => {
  const { signal } = new AbortController();
  expect(await together(signal, [() => Promise.resolve(1), () => Promise.resolve('two')])).toEqual([1, 'two']);
});

it('ends the others where one fails, and throws that error when they have ended', async () => {
  const { signal } = new AbortController();
  let ended = false;
  const works = [
    (either: AbortSignal) => endless(either, () => (ended = true)),
    () => Promise.reject(new Error('no network')),
  ];
  await expect(together(signal, works)).rejects.toThrow('no network');
  expect(ended).toBe(true);
});

it('ends all of them with its own signal', async () => {
  const stop = new AbortController();
  const all = together(stop.signal, [endless, endless]);
  stop.abort(new Error('Ctrl-C'));
  await expect(all).rejects.toThrow('Ctrl-C');
});
