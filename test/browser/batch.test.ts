/** A folder of 30 pictures: the run, each of its pictures, and its table. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { pictureFolder, pictures } from '../support/pictures.js';
import { expectAccessible } from './support/axe.js';
import { bars, expectNoSidewaysScroll } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

const pictureCount = 30;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quintet-folder-'));
  for (let index = 0; index < pictureCount; index += 1) {
    const { file } = pictures[index % pictures.length] ?? { file: '' };
    cpSync(pictureFolder + file, join(folder, `${String(index + 1)}-${file}`));
  }
  writeFileSync(join(folder, 'notes.txt'), 'Dear diary, no pixels.');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function chooseFolder(page: Page): Promise<void> {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Choose a folder' }).click(),
  ]);
  await chooser.setFiles(folder);
}

const allDone = (page: Page) => page.getByRole('heading', { level: 2, name: `${pictureCount} pictures` }).waitFor();

describe('a folder', () => {
  it('is classified, looked through picture by picture, and exported', async ({ visit }) => {
    const { page } = await visit();
    await chooseFolder(page);
    const tiles = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
    await expect.poll(() => tiles.count()).toBe(pictureCount);
    await page.getByText('1 file left out that is no picture.').waitFor();
    await page.getByRole('progressbar', { name: 'Pictures done' }).waitFor();
    await allDone(page);
    await expectAccessible(page, 'batch, light');
    await screenshot(page, 'batch', { whole: false });
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoSidewaysScroll(page, 'batch');
    await screenshot(page, 'batch-phone', { whole: false });
    await page.setViewportSize({ width: 1280, height: 800 });

    // In the order of their names, as people count.
    const labels = await tiles.allInnerTexts();
    expect(labels.slice(0, pictures.length).map((text) => text.toLowerCase())).toEqual(
      pictures.map(({ label }) => expect.stringContaining(label ?? '') as string),
    );

    // The least sure first, and as sent again; then by label, with counts.
    const order = page.getByLabel('Order');
    const scores = (): Promise<number[]> =>
      page.locator('.tile-score').evaluateAll((all) => all.map((score) => Number.parseFloat(score.textContent)));
    const asSent = await scores();
    await order.selectOption('Unsure first');
    const rising = [...asSent].sort((a, b) => a - b);
    await expect.poll(scores).toEqual(rising);
    await screenshot(page, 'batch-unsure-first', { whole: false });
    await order.selectOption('Groups by label');
    const counted = await page
      .getByRole('heading', { level: 3, name: /^[a-z ]+ \d+$/i })
      .evaluateAll((all) => all.map((heading) => Number(/\d+$/.exec(heading.textContent)?.[0])));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(pictureCount);
    expect(counted).toEqual([...counted].sort((a, b) => b - a));
    await expectAccessible(page, 'batch, groups');
    await screenshot(page, 'batch-groups', { whole: false });
    await order.selectOption('As sent');
    await expect.poll(scores).toEqual(asSent);
    expect(await page.title()).toBe(`${pictureCount} of ${pictureCount} done · Quintet`);

    await tiles.first().click();
    const dialog = page.getByRole('dialog', { name: 'Result' });
    await dialog.getByText(`1 of ${pictureCount}`).waitFor();
    await bars(dialog);
    await expectAccessible(page, 'dialog, light');
    await screenshot(page, 'dialog', { whole: false });
    await page.keyboard.press('ArrowRight');
    await dialog.getByText(`2 of ${pictureCount}`).waitFor();
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
    expect(lines).toHaveLength(pictureCount + 1);
    expect(lines.filter((line) => line.includes(',succeeded,'))).toHaveLength(pictureCount);
    expect(lines.find((line) => line.includes('-balloon.jpg'))).toContain(',balloon,0.9');

    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => tiles.count()).toBe(0);
  });

  it('goes on after a reload in the middle of it', async ({ visit, holdWorker }) => {
    // Left alone, the browser would ask whether to leave while pictures are being sent.
    const { page } = await visit({ colorScheme: 'dark' });
    page.on('dialog', (dialog) => void dialog.accept());
    const release = holdWorker();
    await chooseFolder(page);
    const tiles = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
    await expect.poll(() => tiles.count()).toBe(pictureCount);
    await expect.poll(() => tiles.filter({ hasText: /queue/i }).count()).toBeGreaterThan(10);
    await page.reload();
    await expect.poll(() => tiles.count()).toBeGreaterThan(10);
    const taken = await tiles.count();
    release();
    await page.getByRole('heading', { level: 2, name: `${taken} pictures` }).waitFor();
    await expectAccessible(page, 'batch, dark');
    await screenshot(page, 'batch-dark', { whole: false });
  });
});
