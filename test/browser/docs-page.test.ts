/** `GET /docs` in a browser: complete, searchable, without a violation of its policy or of accessibility, on any screen. */
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

const screens = [
  { width: 1280, colorScheme: 'light' },
  { width: 320, colorScheme: 'dark' },
] as const;

describe('the contract as a page', () => {
  for (const { width, colorScheme } of screens) {
    it(`is accessible and fits, ${colorScheme}, ${String(width)} px wide`, async ({ visit }) => {
      const { page, requests } = await visit({ path: '/docs', viewport: { width, height: 800 }, colorScheme });
      await expectAccessible(page, `docs, ${colorScheme}`);
      await screenshot(page, width === 320 ? 'docs-phone' : 'docs', { whole: false });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      // One answer has all of it; the icon is what browsers ask for by themselves.
      expect(requests.filter((request) => !request.includes('favicon'))).toEqual(['GET /docs']);
    });
  }

  it('is searched from the keyboard, and shows the address that it was asked at', async ({ visit }) => {
    const { page, url } = await visit({ path: '/docs' });
    await page.keyboard.press('/');
    await page.keyboard.type('csv results');
    const shown = page.locator('main section.operation:visible h3');
    expect(await shown.allInnerTexts()).toEqual(['Every item in order, finished or not, as it is read']);
    expect(await page.getByRole('status').innerText()).toMatch(/^\d+ of \d+ entries$/);
    expect(await page.locator('.operation:visible .sample code').innerText()).toContain(
      `${url}/v1/batches/$BATCH/results`,
    );
    await page.keyboard.press('Escape');
    expect(await shown.count()).toBeGreaterThan(15);
  });

  it('shows again what a search has hidden, where a link leads there', async ({ visit }) => {
    const { page } = await visit({ path: '/docs' });
    await page.getByRole('searchbox').fill('csv results');
    await page.evaluate(() => (location.hash = '#schema-Job'));
    await page.locator('#schema-Job').waitFor({ state: 'visible' });
  });

  it('can be read without script', async ({ visit }) => {
    const { page } = await visit({
      path: '/docs',
      before: async (context) => {
        await context.route('**/docs', async (route) => {
          const answer = await route.fetch();
          await route.fulfill({
            response: answer,
            headers: { ...answer.headers(), 'content-security-policy': "default-src 'none'; script-src 'none'" },
          });
        });
      },
      expected: [/Content Security Policy/],
    });
    expect(await page.locator('section.operation:visible').count()).toBeGreaterThan(15);
    expect(await page.getByRole('searchbox').count()).toBe(0);
  });
});
