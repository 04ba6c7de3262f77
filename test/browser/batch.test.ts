/** A folder of 66 photos: the run, each of its pictures, and its table. */
import { text } from 'node:stream/consumers';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { photoCount, photoFolder } from './support/pictures.js';
import { bars, expectNoSidewaysScroll } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { holdWorker, it } from './support/visit.js';

async function chooseFolder(page: Page): Promise<void> {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Choose a folder' }).click(),
  ]);
  await chooser.setFiles(photoFolder);
}

const allDone = (page: Page) =>
  page.getByRole('heading', { level: 2, name: `${photoCount} pictures` }).waitFor({ timeout: 40_000 });

describe('a folder', () => {
  it('is classified, looked through picture by picture, and exported', async ({ visit }) => {
    const { page } = await visit();
    await chooseFolder(page);
    const tiles = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
    await expect.poll(() => tiles.count()).toBe(photoCount);
    await page.getByRole('progressbar', { name: 'Pictures done' }).waitFor();
    await allDone(page);
    await expectAccessible(page, 'batch, light');
    await screenshot(page, 'batch', { whole: false });
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoSidewaysScroll(page, 'batch');
    await screenshot(page, 'batch-phone', { whole: false });
    await page.setViewportSize({ width: 1280, height: 800 });

    // Right for most of them: MobileNetV2 names 49 of the 66 as ImageNet does.
    const labels = await tiles.allInnerTexts();
    expect(labels.filter((text) => /tiger shark\s+9\d/i.test(text))).not.toEqual([]);

    await tiles.first().click();
    const dialog = page.getByRole('dialog', { name: 'Result' });
    await dialog.getByText(`1 of ${photoCount}`).waitFor();
    await bars(dialog);
    await expectAccessible(page, 'dialog, light');
    await screenshot(page, 'dialog', { whole: false });
    await page.keyboard.press('ArrowRight');
    await dialog.getByText(`2 of ${photoCount}`).waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await expect.poll(() => tiles.nth(1).evaluate((tile) => tile === document.activeElement)).toBe(true);

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/\.csv$/);
    const lines = (await text(await download.createReadStream())).replace('\ufeff', '').trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^index,name,job_id,status,error_code,error_detail,label_1,score_1,/);
    expect(lines).toHaveLength(photoCount + 1);
    expect(lines.filter((line) => line.includes(',succeeded,'))).toHaveLength(photoCount);
    expect(lines.find((line) => line.includes('tiger_shark'))).toContain(',tiger shark,0.9');

    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => tiles.count()).toBe(0);
  });

  it('goes on after a reload in the middle of it', async ({ visit }) => {
    // Left alone, the browser would ask whether to leave while pictures are being sent.
    const { page } = await visit({ colorScheme: 'dark' });
    page.on('dialog', (dialog) => void dialog.accept());
    const release = await holdWorker();
    await chooseFolder(page);
    const tiles = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
    await expect.poll(() => tiles.count()).toBe(photoCount);
    await expect
      .poll(() => tiles.filter({ hasText: /queue/i }).count(), { timeout: 15_000 })
      .toBeGreaterThan(photoCount / 2);
    await page.reload();
    await expect.poll(() => tiles.count()).toBeGreaterThan(photoCount / 2);
    const taken = await tiles.count();
    release();
    await page.getByRole('heading', { level: 2, name: `${taken} pictures` }).waitFor({ timeout: 40_000 });
    await expectAccessible(page, 'batch, dark');
    await screenshot(page, 'batch-dark', { whole: false });
  });
});
