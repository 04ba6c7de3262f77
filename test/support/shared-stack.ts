/**
 * All of Quintet for tests that only use it: one stack for the whole run, opened for the first test that asks
 * (shared-setup.ts). Others use it at the same time, so a test must not stop it, and sees jobs that are not its own.
 */
import { inject } from 'vitest';

export interface SharedStack {
  /** Of the API, e.g. `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly redis: string;
  /** The worker's process. Only tests of the page, which have turns, may hold it. */
  readonly worker: number;
}

export async function sharedStack(): Promise<SharedStack> {
  const response = await fetch(`${inject('sharedStand')}stack`);
  if (!response.ok) throw new Error(`The shared stack did not start: ${await response.text()}`);
  return (await response.json()) as SharedStack;
}
