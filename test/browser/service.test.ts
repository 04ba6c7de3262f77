/** What else of the service a browser can open: the contract as a page, and as the document itself. */
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { expectNoSidewaysScroll } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

describe('the contract', () => {
  it('is a page that can be searched, on a screen and on a phone', async ({ visit }) => {
    const { page, url, requests } = await visit({ path: '/docs' });
    await page.getByRole('heading', { level: 1, name: /Quintet/ }).waitFor();
    expect(requests.filter((request) => request !== 'GET /favicon.ico')).toEqual(['GET /docs']);
    // Examples name the service that is asked, not one of a book.
    await page.getByText(`${url}/v1/jobs`).first().waitFor({ state: 'attached' });
    await expectAccessible(page, 'docs, light');
    await screenshot(page, 'docs', { whole: false });
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, 'docs, dark');
    await page.keyboard.press('/');
    await page.keyboard.type('queue_full');
    await page
      .getByRole('status')
      .getByText(/^\d+ of \d+ entries$/)
      .waitFor();
    await screenshot(page, 'docs-dark', { whole: false });
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoSidewaysScroll(page, 'docs');
  });

  it('is a document for programs', async ({ visit }) => {
    const { page, url } = await visit({ path: '/openapi.json' });
    expect(await page.locator('body').innerText()).toContain('"openapi"');
    expect(page.url()).toBe(`${url}/openapi.json`);
  });
});
