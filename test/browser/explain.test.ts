/** Where the network looked, over the picture. */
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { drawing, drop } from './support/pictures.js';
import { bars, intake } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

/** Milliseconds of one of the facts below the bars. */
async function duration(page: Page, term: string): Promise<number> {
  const fact = page.locator('.facts div').filter({ has: page.getByRole('term').filter({ hasText: term }) });
  const text = await fact.getByRole('definition').innerText();
  const [, minutes = 0, number = 0, unit] = /^(?:(\d+) min ?)?(?:([\d.]+) (ms|s))?$/.exec(text) ?? [];
  return Number(minutes) * 60_000 + Number(number) * (unit === 's' ? 1000 : 1);
}

describe('where the network looked', () => {
  it('is laid over the picture, exactly where it looked', async ({ visit, holdWorker }) => {
    const { page } = await visit();
    await drop(page, intake(page), [drawing('umbrella')]);
    await bars(page);
    const first = await duration(page, 'From here');
    // It takes longer than the first answer did, so that nobody can take one time for the other.
    const release = holdWorker();
    const asked = await page.evaluate(() => performance.now());
    await page.getByRole('switch', { name: 'Where did it look?' }).check();
    await page.getByText('Asking the network again…').waitFor();
    await page.waitForFunction((until) => performance.now() > until, asked + 2 * first);
    release();
    await page.getByText(/Bright where it found “umbrella”/).waitFor();
    expect(await duration(page, 'From here')).toBeGreaterThanOrEqual(await duration(page, 'Service'));
    const picture = page.getByRole('img', { name: /umbrella\.jpg/ });
    const heat = page.locator('.picture-heat');
    await heat.waitFor();
    await expect.poll(() => heat.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
    const [outer, inner] = [await picture.boundingBox(), await heat.boundingBox()];
    if (outer === null || inner === null) throw new Error('picture or heat map has no box');
    expect(inner.x).toBeGreaterThanOrEqual(outer.x - 1);
    expect(inner.y).toBeGreaterThanOrEqual(outer.y - 1);
    expect(inner.x + inner.width).toBeLessThanOrEqual(outer.x + outer.width + 1);
    expect(inner.y + inner.height).toBeLessThanOrEqual(outer.y + outer.height + 1);
    // The centre crop of the reference preprocessing: 224 of 256, square.
    expect(inner.width / inner.height).toBeCloseTo(1, 1);
    // What was cut off is dimmed: the worker's crop and the page's are one.
    await page.getByText('Dimmed: not seen by the model').waitFor();
    const seen = await page.locator('.picture-crop').boundingBox();
    for (const side of ['x', 'y', 'width', 'height'] as const) {
      expect(Math.abs((seen?.[side] ?? 0) - inner[side]), side).toBeLessThan(2);
    }
    await expectAccessible(page, 'explained');
    await screenshot(page, 'explain');
    await page.getByRole('slider', { name: 'Strength of the heat map' }).focus();
    const before = await heat.evaluate((image) => getComputedStyle(image).opacity);
    await page.keyboard.press('Home');
    await expect.poll(() => heat.evaluate((image) => getComputedStyle(image).opacity)).not.toBe(before);
  });
});
