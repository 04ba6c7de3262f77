/** Tests that need something a machine may not have. */
import { describe, it } from 'vitest';

/**
 * A suite, or one skipped test in its place that says why: a suite that is skipped counts as many skipped tests as it has, which
 * says nothing about how many reasons there are.
 *
 * @param missing what this machine lacks; undefined where the suite can run.
 */
export function suiteOrSkip(missing: string | undefined, name: string, body: () => void): void {
  if (missing === undefined) describe(name, body);
  else it.skip(`${name} (skipped: ${missing})`, () => undefined);
}
