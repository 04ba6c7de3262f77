import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { systemCode } from './errors.js';
import { askFor } from './transfer.js';

/** Why an address gives no file; undefined where it does. */
export type Obstacle = string | undefined;

/** What was heard, by address. */
export type Answers = ReadonlyMap<string, Obstacle>;

/**
 * Asks all addresses for their file at once, so that those that drop packets cost `limitMs` milliseconds together and not each.
 * Resolves when all have answered, when the answers so far are `enough`, or after `limitMs`: then those that were not heard are
 * obstructed. Rejects with the reason of `signal`.
 */
export async function reach(
  urls: readonly URL[],
  limitMs: number,
  enough: (answers: Answers) => boolean,
  signal?: AbortSignal,
): Promise<Answers> {
  const answers = new Map<string, Obstacle>();
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
  };
  signal?.addEventListener('abort', end, { once: true });
  const timer = setTimeout(() => {
    for (const { href } of urls) if (!answers.has(href)) answers.set(href, `no answer within ${limitMs / 1000} s`);
    end();
  }, limitMs);
  try {
    signal?.throwIfAborted();
    await Promise.all(
      urls.map(async (url) => {
        const obstacle = await obstacleAt(url, stop.signal);
        if (stop.signal.aborted) return;
        answers.set(url.href, obstacle);
        if (enough(answers)) end();
      }),
    );
    signal?.throwIfAborted();
    return answers;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  }
}

async function obstacleAt(url: URL, signal: AbortSignal): Promise<Obstacle> {
  try {
    if (url.protocol === 'file:') await stat(fileURLToPath(url));
    else await askFor(url, signal);
    return undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'no such file';
    return error instanceof Error ? error.message : String(error);
  }
}
