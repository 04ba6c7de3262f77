/** The accessibility check: axe-core, run in the page as it is. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Fails where axe-core finds anything in what is shown, and says what and where; `state` is what the page shows at the moment.
 *
 * `within` is a selector: of a long page only the part that a test changes.
 *
 * The script comes in by the debugger's door, which no Content Security Policy closes: the policy stays as served. Motion is
 * over first, and none begins meanwhile: half-faded text has half its contrast.
 */
export async function expectAccessible(page: Page, state: string, within = 'html'): Promise<void> {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.evaluate(async () => {
    // What begins to move because of what just happened does so in the next frame.
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    await Promise.all(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)),
    );
  });
  await page.evaluate(source);
  const found = await page.evaluate(async (part) => {
    const { axe: checker } = window as unknown as { axe: typeof axe };
    const { violations } = await checker.run(part, { resultTypes: ['violations'] });
    return violations.map(({ id, help, nodes }) => {
      const some = nodes.slice(0, 3).map(({ html, failureSummary }) => `${html}\n${failureSummary ?? ''}`);
      return [`${id}: ${help} (${nodes.length} times)`, ...some].join('\n');
    });
  }, within);
  await page.emulateMedia({ reducedMotion: null });
  expect(found, `accessibility of the page: ${state}`).toEqual([]);
}
