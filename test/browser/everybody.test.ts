/** By keyboard alone, on a small phone, without motion: the same page for everybody. */
import type { Locator, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { picturePath } from '../support/pictures.js';
import { expectAccessible } from './support/axe.js';
import { drawing, drop, noPicture } from './support/pictures.js';
import { bars, expectNoSidewaysScroll, intake } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

interface Focused {
  readonly name: string;
  readonly ring: boolean;
}

/** What has the focus, and whether that is seen. */
const focused = (page: Page): Promise<Focused> =>
  page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    const name = element.getAttribute('aria-label') ?? element.textContent.trim();
    const ring = (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
    return { name: `${element.localName} ${name}`, ring };
  });

/** Presses Tab until `wanted` has the focus; each stop on the way must be seen. Fails where it never comes. */
async function tabTo(page: Page, wanted: RegExp): Promise<void> {
  const seen: string[] = [];
  for (let press = 0; press < 60; press += 1) {
    await page.keyboard.press('Tab');
    const { name, ring } = await focused(page);
    if (!name.startsWith('body')) expect(ring, `the focus on ${name} is seen`).toBe(true);
    if (wanted.test(name)) return;
    seen.push(name);
  }
  throw new Error(`Tab never comes to ${String(wanted)}, but to:\n${seen.join('\n')}`);
}

/** Whether all of it is seen without scrolling. */
const isInView = (shown: Locator): Promise<boolean> =>
  shown.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= window.innerHeight;
  });

describe('a keyboard', () => {
  it('is enough to choose, classify, open and copy', async ({ visit }) => {
    const { page } = await visit({ permissions: ['clipboard-read', 'clipboard-write'] });
    // Before any key: Playwright begins to catch file choosers when somebody waits for one.
    const choosing = page.waitForEvent('filechooser');
    await tabTo(page, /^a Operations/);
    await tabTo(page, /^button Choose pictures/);
    await page.keyboard.press('Enter');
    const chooser = await choosing;
    await chooser.setFiles(picturePath('umbrella'));
    await bars(page);
    await tabTo(page, /^button Copy link/);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain('#/jobs/');
    await tabTo(page, /^summary How to do this from code/);
    await page.keyboard.press('Enter');
    await page.getByRole('tablist', { name: 'From code' }).waitFor();
    await tabTo(page, /^a umbrella/i);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.title()).toMatch(/^umbrella \d+ % · Quintet$/);
  });

  it('opens one of several, goes to the next, and comes back to where it was', async ({ visit }) => {
    const { page } = await visit();
    await drop(page, intake(page), [drawing('balloon'), drawing('envelope'), drawing('hourglass')]);
    await page.getByRole('heading', { level: 2, name: '3 pictures' }).waitFor();
    await tabTo(page, /^button .*balloon/i);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Result' });
    await dialog.getByText('1 of 3').waitFor();
    await page.keyboard.press('ArrowRight');
    await dialog.getByText('2 of 3').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await expect.poll(async () => (await focused(page)).name).toMatch(/envelope/i);
  });
});

describe('a phone of 320 px', () => {
  it('shows all of it, without scrolling sideways, with targets for fingers', async ({ visit }) => {
    const { page } = await visit({ viewport: { width: 320, height: 640 }, expected: [/status of 4\d\d/] });
    await expectNoSidewaysScroll(page, 'idle');
    await expectAccessible(page, 'idle, 320 px');
    await screenshot(page, 'phone-idle');

    // The answer comes before the picture, for a guess, too, and wherever the person had scrolled to.
    await page.setViewportSize({ width: 375, height: 667 });
    await page.getByRole('button', { name: 'Example: wall clock' }).click();
    const answer = page.getByRole('heading', { level: 2, name: 'wall clock' });
    await answer.waitFor();
    expect(await isInView(answer)).toBe(true);
    await screenshot(page, 'phone-result', { whole: false });
    const nothing = await makeImage({ format: 'png', width: 320, height: 240, colour: 'grey' });
    await drop(page, intake(page), [{ name: 'nothing.png', type: 'image/png', bytes: nothing }]);
    const guess = page.getByRole('heading', { level: 2, name: /^Not sure; closest: / });
    await guess.waitFor();
    expect(await isInView(guess)).toBe(true);
    expect(await page.title()).toMatch(/^Not sure; closest: .* \d+ % · Quintet$/);
    await page.getByRole('link', { name: /^Not sure; closest: / }).waitFor();
    await expectAccessible(page, 'unsure, 375 px');
    await screenshot(page, 'phone-unsure', { whole: false });

    await page.setViewportSize({ width: 320, height: 640 });
    await drop(page, intake(page), [drawing('crossword puzzle')]);
    await page.getByRole('heading', { level: 2, name: 'crossword puzzle' }).waitFor();
    await expectNoSidewaysScroll(page, 'done');
    await expectAccessible(page, 'done, 320 px');
    await screenshot(page, 'phone');
    const small = await page
      .locator('button:visible, header a:visible, summary:visible, select:visible')
      .evaluateAll((all) =>
        all
          .map((element) => ({ name: element.textContent.trim(), box: element.getBoundingClientRect() }))
          .filter(({ box }) => box.height < 40 || box.width < 40)
          .map(({ name, box }) => `${name}: ${Math.round(box.width)} × ${Math.round(box.height)}`),
      );
    expect(small, 'targets under 40 px').toEqual([]);
    await page.getByText('How to do this from code').click();
    await expectNoSidewaysScroll(page, 'programs');
    await drop(page, intake(page), [noPicture]);
    await page.getByText('image_format_unsupported', { exact: true }).waitFor();
    await expectNoSidewaysScroll(page, 'error');
    await page.getByRole('link', { name: 'Operations' }).click();
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await expectNoSidewaysScroll(page, 'operations');
    await screenshot(page, 'phone-operations');
  });
});

describe('who asked for less motion', () => {
  it('gets none', async ({ visit }) => {
    const { page } = await visit();
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await drop(page, intake(page), [drawing('balloon')]);
    await bars(page);
    const moving = await page.evaluate(() =>
      document
        .getAnimations()
        .filter(({ playState, effect }) => playState === 'running' && Number(effect?.getComputedTiming().duration) > 1)
        .map(({ effect }) => (effect as KeyframeEffect).target?.className),
    );
    expect(moving).toEqual([]);
  });
});
