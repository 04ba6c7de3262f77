/** The examples of the page: the fastest way from an empty page to an answer. */
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { expectNoSidewaysScroll, topLabel } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

const screens = [
  { name: 'examples', width: 1280, colorScheme: 'light' },
  { name: 'examples-dark', width: 1280, colorScheme: 'dark' },
  { name: 'examples-phone', width: 320, colorScheme: 'light' },
] as const;

const examples = (page: Page) => page.getByRole('region', { name: 'Examples' });

/** Resolves once every example is there to be seen. */
async function seen(page: Page): Promise<void> {
  const images = examples(page).getByRole('img');
  await images.last().scrollIntoViewIfNeeded();
  await expect
    .poll(() => images.evaluateAll((all) => all.every((image) => (image as HTMLImageElement).naturalWidth > 0)))
    .toBe(true);
}

describe('the examples', () => {
  it('are classified by a click, by the service as any other picture', async ({ visit }) => {
    const { page, requests } = await visit({ viewport: { width: 1400, height: 840 } });
    await examples(page).getByRole('button', { name: 'Example: wall clock' }).click();
    expect(await topLabel(page)).toBe('wall clock');
    expect(requests).toContain('POST /v1/jobs');
    await page.getByRole('img', { name: /wall clock\.jpg/ }).waitFor();
    await page.getByRole('img', { name: /^Time by phase/ }).waitFor();
    // docs/images/page.png is a copy of it.
    await screenshot(page, 'page', { whole: false });
    expect(await examples(page).count(), 'where there is a result, it has the room').toBe(0);
  });

  it('are reached and chosen by the keyboard', async ({ visit }) => {
    const { page } = await visit();
    const button = examples(page).getByRole('button', { name: 'Example: traffic light' });
    await button.focus();
    await page.keyboard.press('Enter');
    expect(await topLabel(page)).toBe('traffic light');
    expect(await page.locator(':focus').innerText()).toMatch(/traffic light/i);
  });

  for (const { name, width, colorScheme } of screens) {
    it(`are seen and accessible, ${colorScheme}, ${String(width)} px wide`, async ({ visit }) => {
      const { page } = await visit({ viewport: { width, height: 800 }, colorScheme });
      await seen(page);
      await expectAccessible(page, name);
      await expectNoSidewaysScroll(page, name);
      await screenshot(page, name);
    });
  }
});
