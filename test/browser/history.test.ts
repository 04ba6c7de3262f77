/** What this browser remembers: over reloads, in two tabs, and where it may remember nothing. */
import type { Locator, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { drawing, drop } from './support/pictures.js';
import { intake, topLabel } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

const history = (page: Page): Locator => page.getByRole('region', { name: 'Earlier in this browser' });
const entries = (page: Page): Locator => history(page).getByRole('listitem');

/** Resolves once the list has these labels, newest first. */
async function expectLabels(page: Page, labels: readonly string[]): Promise<void> {
  await expect.poll(() => entries(page).locator('.history-label').allTextContents()).toEqual([...labels]);
}

async function classify(page: Page, label: string): Promise<void> {
  await drop(page, intake(page), [drawing(label)]);
  await expect.poll(() => topLabel(page)).toBe(label);
}

describe('earlier results', () => {
  it('are there after a reload and in other tabs, open, and can be deleted and taken back', async ({ visit }) => {
    const { page, context, url } = await visit();
    await history(page).getByText('Your results will be listed here.').waitFor();
    await classify(page, 'umbrella');
    await classify(page, 'balloon');
    await expectLabels(page, ['balloon', 'umbrella']);
    await page.reload();
    await expectLabels(page, ['balloon', 'umbrella']);
    // The run that was shown, too, with the small picture that was kept of it.
    await page
      .getByRole('article')
      .getByRole('img', { name: /balloon/ })
      .waitFor();
    expect(await entries(page).locator('img').count()).toBe(2);
    await expectAccessible(page, 'history');
    await screenshot(page, 'history');

    const other = await context.newPage();
    await other.goto(url);
    await expectLabels(other, ['balloon', 'umbrella']);
    await other.getByRole('button', { name: /^Delete balloon/ }).click();
    await expectLabels(page, ['umbrella']);
    // The focus is where the next one can be deleted, not lost with the button.
    const focused = other.locator(':focus');
    expect(await focused.getAttribute('aria-label')).toMatch(/^Delete umbrella/);
    await other.getByRole('button', { name: 'Undo' }).click();
    await expectLabels(page, ['balloon', 'umbrella']);

    await entries(page)
      .getByRole('link', { name: /umbrella/ })
      .click();
    await page.getByRole('heading', { name: 'umbrella' }).waitFor();
    expect(new URL(page.url()).hash).toMatch(/^#\/jobs\/[0-9a-f-]{36}$/);
    await page.goBack();
    await history(page).getByRole('button', { name: 'Delete all' }).click();
    await expectLabels(other, []);
    await other.reload();
    await history(other).getByText('Your results will be listed here.').waitFor();
  });

  it('end with the tab where the browser keeps nothing, which is said', async ({ visit }) => {
    const { page } = await visit({
      before: async (context) => {
        await context.addInitScript(() => {
          IDBFactory.prototype.open = () => {
            throw new DOMException('Not in a private window', 'SecurityError');
          };
        });
      },
    });
    await history(page).getByText('This browser keeps nothing for this page').waitFor();
    await classify(page, 'umbrella');
    await expectLabels(page, ['umbrella']);
  });
});
