/** What a result is taken along as: its link, its JSON, the programs that ask the same. */
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { drawing, drop } from './support/pictures.js';
import { intake, topLabel } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

/** What was copied, as whoever pastes it gets it. */
async function pasted(page: Page): Promise<string> {
  const field = page.getByRole('textbox', { name: 'Address of a picture' });
  await field.fill('');
  await field.focus();
  await page.keyboard.press('Control+V');
  return field.inputValue();
}

async function classifyUmbrella(page: Page): Promise<void> {
  await drop(page, intake(page), [{ ...drawing('umbrella'), name: `it's "a" umbrella.jpg` }]);
  expect(await topLabel(page)).toBe('umbrella');
}

describe('a result', () => {
  it('has a link that others can open, also where a page may not use the clipboard', async ({ visit }) => {
    const { page, context } = await visit({
      before: async (opened) => {
        // As over plain http, where there is no such thing.
        await opened.addInitScript(() => {
          Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined });
        });
      },
    });
    await classifyUmbrella(page);
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByRole('status').getByText('Copied').waitFor({ state: 'attached' });
    const link = await pasted(page);
    expect(link).toBe(await page.getByRole('textbox', { name: 'Link to this result' }).inputValue());

    const browser = context.browser();
    if (browser === null) throw new Error('the context belongs to no browser');
    const reader = await browser.newContext();
    const read = await reader.newPage();
    await read.goto(link);
    await read.getByRole('heading', { name: 'umbrella' }).waitFor();
    expect(await topLabel(read)).toBe('umbrella');
    await expectAccessible(read, 'shared result');
    await screenshot(read, 'shared');
    await reader.close();
  });

  it('shows its picture to others where that was wanted, and a link that was cut says so', async ({ visit }) => {
    const { page, context } = await visit();
    await classifyUmbrella(page);
    const field = page.getByRole('textbox', { name: 'Link to this result' });
    const plain = await field.inputValue();
    const box = page.getByRole('checkbox', { name: 'with a small picture' });
    expect(await box.isChecked()).toBe(false);
    await box.check();
    await expect.poll(() => field.inputValue()).toContain('?picture=');
    const link = await field.inputValue();
    expect(link.startsWith(plain)).toBe(true);
    expect(link.length).toBeLessThan(8400);
    await expectAccessible(page, 'sharing with the picture');

    const reader = await context.browser()?.newContext();
    if (reader === undefined) throw new Error('the context belongs to no browser');
    const read = await reader.newPage();
    const said: string[] = [];
    read.on('console', (message) => said.push(message.text()));
    // Another document for each: the part behind # alone is no reason to load one.
    const open = async (address: string): Promise<void> => {
      await read.goto('about:blank');
      await read.goto(address);
      await read.getByRole('heading', { name: 'umbrella' }).waitFor();
    };
    const image = read.locator('.picture-image');
    await open(link);
    await read.getByText('The picture came with the link.').waitFor();
    await expect.poll(() => image.evaluate((each: HTMLImageElement) => each.naturalWidth)).toBeGreaterThan(100);
    await expectAccessible(read, 'shared picture');
    await screenshot(read, 'shared-picture');

    await open(link.slice(0, -40));
    await read.getByText('The picture of this link is not complete').waitFor();
    expect(await image.isVisible()).toBe(false);

    await open(
      `${plain}?picture=${Buffer.from('<svg onload="alert(1)">').length.toString(36)}.${Buffer.from('<svg onload="alert(1)">').toString('base64url')}`,
    );
    await read.getByText('so it is not shown').waitFor();
    expect(await image.isVisible()).toBe(false);
    expect(said).toEqual([]);

    await box.uncheck();
    expect(await field.inputValue()).toBe(plain);
    await reader.close();
  });

  it('that is gone is explained', async ({ visit }) => {
    const { page } = await visit({
      path: '/#/jobs/00000000-0000-4000-8000-000000000000',
      expected: [/status of 404/],
    });
    await page.getByRole('heading', { name: 'This result is not there any more' }).waitFor();
    await page.getByText('The service keeps results for a while only').waitFor();
    await expectAccessible(page, 'gone');
  });

  it('is told as JSON and as programs, in tabs that the keyboard reaches', async ({ visit }) => {
    const { page, url } = await visit({ permissions: ['clipboard-read', 'clipboard-write'] });
    await classifyUmbrella(page);
    await page.getByText('How to do this from code').click();
    const tabs = page.getByRole('tablist', { name: 'From code' }).getByRole('tab');
    await tabs.first().focus();
    const shown: Record<string, string> = {};
    for (const title of await tabs.allInnerTexts()) {
      await page.getByRole('tab', { name: title, exact: true, selected: true }).waitFor();
      expect(await page.locator(':focus').innerText()).toBe(title);
      const panel = page.getByRole('tabpanel', { name: title });
      await panel.getByRole('button', { name: 'Copy' }).click();
      await panel.getByRole('status').getByText('Copied').waitFor({ state: 'attached' });
      shown[title] = await page.evaluate(() => navigator.clipboard.readText());
      await page.getByRole('tab', { name: title, exact: true }).focus();
      await page.keyboard.press('ArrowRight');
    }
    expect(Object.keys(shown)).toEqual(['JSON', 'curl', 'JavaScript', 'Python', 'quintet']);
    expect(JSON.parse(shown['JSON'] ?? '')).toHaveProperty('predictions.0.label', 'umbrella');
    for (const title of ['curl', 'JavaScript', 'Python', 'quintet']) {
      expect(shown[title]).toContain(url);
      expect(shown[title]).toMatch(/umbrella\.jpg/);
    }
    await page.getByRole('tab', { name: 'JavaScript' }).click();
    await expectAccessible(page, 'from code');
    await screenshot(page, 'from-code');
  });
});

describe('the camera', () => {
  it('is off as soon as its dialog is closed, however it is', async ({ visit }) => {
    const { page } = await visit({
      permissions: ['camera'],
      before: async (context) => {
        await context.addInitScript(() => {
          const opened: MediaStreamTrack[] = [];
          Object.assign(window, { cameraTracks: opened });
          // It runs in the empty page before ours, too, which has none.
          if (!isSecureContext) return;
          const devices = navigator.mediaDevices;
          const open = devices.getUserMedia.bind(devices);
          devices.getUserMedia = async (constraints) => {
            const stream = await open(constraints);
            opened.push(...stream.getTracks());
            return stream;
          };
        });
      },
    });
    const states = (): Promise<string[]> =>
      page.evaluate(() =>
        (window as unknown as { cameraTracks: MediaStreamTrack[] }).cameraTracks.map(({ readyState }) => readyState),
      );
    const dialog = page.getByRole('dialog', { name: 'Take a picture' });
    for (const [index, close] of ['Cancel', 'Take picture', 'Escape'].entries()) {
      await page.getByRole('button', { name: 'Use the camera' }).click();
      const take = dialog.getByRole('button', { name: 'Take picture' });
      await expect.poll(() => take.isEnabled()).toBe(true);
      expect((await states())[index]).toBe('live');
      if (close === 'Escape') await page.keyboard.press(close);
      else await dialog.getByRole('button', { name: close }).click();
      await dialog.waitFor({ state: 'detached' });
      // The dialog is hidden a moment before it tells that it was closed.
      await expect.poll(states).toEqual(Array.from({ length: index + 1 }, () => 'ended'));
    }
  });

  it('that is not allowed is explained, and can be asked for again', async ({ visit }) => {
    const { page, context } = await visit();
    await page.getByRole('button', { name: 'Use the camera' }).click();
    const dialog = page.getByRole('dialog', { name: 'Take a picture' });
    await dialog.getByText('The camera was not allowed').waitFor();
    await expectAccessible(page, 'no camera');
    await context.grantPermissions(['camera']);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    const take = dialog.getByRole('button', { name: 'Take picture' });
    await expect.poll(() => take.isEnabled()).toBe(true);
  });
});
