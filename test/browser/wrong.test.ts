/** "Wrong?": the right label in one click, or in words, and back; kept by the service, and in the table. */
import { text } from 'node:stream/consumers';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { drawing, drop } from './support/pictures.js';
import { bars, expectNoSidewaysScroll, intake } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

/** The correction that the service has of the result that is shown. */
async function kept(page: Page): Promise<unknown> {
  const link = await page.getByRole('textbox', { name: 'Link to this result' }).inputValue();
  const id = /jobs\/([\w-]+)/.exec(link)?.[1] ?? '';
  return page.evaluate(async (path) => {
    const job = (await (await fetch(path)).json()) as { correction?: { label: string; wnid?: string } };
    return job.correction === undefined ? undefined : [job.correction.label, job.correction.wnid !== undefined];
  }, `v1/jobs/${id}`);
}

describe('a result that is wrong', () => {
  it('is corrected in one click, or in words that the labels complete, and taken back', async ({ visit }) => {
    const { page } = await visit();
    await drop(page, intake(page), [drawing('umbrella')]);
    const [, second] = await bars(page);
    const wrong = page.getByRole('region', { name: 'Wrong?' });
    await expectAccessible(page, 'wrong?');
    await screenshot(page, 'wrong');
    await wrong.getByRole('button', { name: second?.label ?? '', exact: true }).click();
    await wrong.getByText(`You said: ${second?.label ?? ''}`).waitFor();
    expect(await kept(page)).toEqual([second?.label, true]);
    await page.getByRole('region', { name: 'Earlier in this browser' }).getByText('corrected').waitFor();

    expect(await page.locator(':focus').innerText()).toBe('Undo');
    await page.keyboard.press('Enter');
    await wrong.getByRole('button', { name: 'Something else…' }).click();
    expect(await kept(page)).toBeUndefined();
    const field = wrong.getByRole('combobox', { name: 'What it shows' });
    await expect.poll(() => wrong.locator('option').count()).toBeGreaterThan(900);
    await field.fill('  My "own", cat ');
    await expectAccessible(page, 'something else');
    await page.keyboard.press('Enter');
    await wrong.getByText('You said: My "own", cat').waitFor();
    expect(await kept(page)).toEqual(['My "own", cat', false]);
    await screenshot(page, 'wrong-corrected');

    // To be explained it is another job, which the correction goes to.
    await page.getByRole('switch', { name: 'Where did it look?' }).check();
    await page.getByText(/^Bright where it found/).waitFor();
    await wrong.getByText('You said: My "own", cat').waitFor();
    await expect.poll(() => kept(page)).toEqual(['My "own", cat', false]);

    await page.reload();
    await wrong.getByText('You said: My "own", cat').waitFor();
  });

  it('of many is corrected in its dialog, on a phone, and is in the table', async ({ visit }) => {
    const { page } = await visit({ viewport: { width: 375, height: 667 }, colorScheme: 'dark' });
    await drop(page, intake(page), [drawing('umbrella'), drawing('balloon')]);
    await page.getByRole('heading', { name: '2 pictures' }).waitFor();
    await page.getByRole('list', { name: 'Pictures' }).getByRole('button').nth(1).click();
    const wrong = page.getByRole('dialog').getByRole('region', { name: 'Wrong?' });
    const [label] = await wrong.getByRole('button').allInnerTexts();
    await expectNoSidewaysScroll(page, 'wrong? on a phone');
    await screenshot(page, 'wrong-phone', { whole: false });
    await wrong.getByRole('button').first().click();
    await wrong.getByText(`You said: ${label ?? ''}`).waitFor();
    await page.keyboard.press('Escape');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ]);
    const rows = (await text(await download.createReadStream())).trimEnd().split('\r\n');
    const column = rows[0]?.split(',').indexOf('correction') ?? -1;
    expect(rows.slice(1).map((row) => row.split(',')[column])).toEqual(['', label]);
  });
});
