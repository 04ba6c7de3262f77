/** One picture, by each way in: it is seen at once, and five labelled bars follow. */
import { describe, expect, onTestFinished } from 'vitest';
import { send, startPictureServer } from '../support/picture-server.js';
import { picture, picturePath } from '../support/pictures.js';
import { testModel } from '../support/test-model.js';
import { expectAccessible } from './support/axe.js';
import { drawing, drop, paste } from './support/pictures.js';
import { bars, intake, countShifts, topLabel } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

describe('a picture', () => {
  it('that is dropped is seen at once, and classified', async ({ visit }) => {
    const { page } = await visit();
    await drop(page, intake(page), [drawing('wall clock')]);
    await page.getByRole('img', { name: /wall-clock/ }).waitFor();
    const shown = await bars(page);
    expect(shown[0]?.label).toBe('wall clock');
    expect(await page.getByRole('heading', { level: 2 }).first().innerText()).toBe('Wall clock');
    expect(await page.title()).toMatch(/^wall clock \d+ % · Quintet$/);
  });

  it('that was classified tells its model, its time by phase, and where its picture is', async ({ visit }) => {
    const { page } = await visit();
    await drop(page, intake(page), [drawing('traffic light')]);
    expect(await topLabel(page)).toBe('traffic light');
    const phases = page.getByRole('img', { name: /^Time by phase: queue .*, inference / });
    await phases.waitFor();
    await page.getByText(testModel).filter({ visible: true }).first().waitFor();
    await page.getByRole('img', { name: /traffic-light\.jpg/ }).waitFor();
    await expectAccessible(page, 'done, light');
    await screenshot(page, 'done');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, 'done, dark');
    await screenshot(page, 'done-dark');
  });

  it('that is chosen by a click', async ({ visit }) => {
    const { page } = await visit();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Choose pictures' }).click(),
    ]);
    expect(chooser.isMultiple()).toBe(true);
    await chooser.setFiles(picturePath('umbrella'));
    expect(await topLabel(page)).toBe('umbrella');
  });

  it('that is pasted', async ({ visit }) => {
    const { page } = await visit();
    await paste(page, [{ ...drawing('pinwheel'), name: 'image.png' }]);
    expect(await topLabel(page)).toBe('pinwheel');
  });

  it('that is somewhere on the web, by its address', async ({ visit }) => {
    const pictures = await startPictureServer();
    onTestFinished(() => pictures.stop());
    const address = pictures.at(send(picture('balloon'), { 'content-type': 'image/jpeg' }));
    const { page } = await visit();
    await page.getByRole('textbox', { name: 'Address of a picture' }).fill(address);
    await page.keyboard.press('Enter');
    expect(await topLabel(page)).toBe('balloon');
    // The service fetched it; the browser did not: `visit` would have seen that.
    expect(pictures.visits(address)).toHaveLength(1);
  });

  it('that the camera takes', async ({ visit }) => {
    const { page } = await visit({ permissions: ['camera'] });
    await page.getByRole('button', { name: 'Use the camera' }).click();
    const dialog = page.getByRole('dialog', { name: 'Take a picture' });
    const take = dialog.getByRole('button', { name: 'Take picture' });
    await expect.poll(() => take.isEnabled()).toBe(true);
    await expectAccessible(page, 'camera');
    await screenshot(page, 'camera', { whole: false });
    await take.click();
    await dialog.waitFor({ state: 'detached' });
    await bars(page);
  });

  it('says how it stands while it waits', async ({ visit, holdWorker }) => {
    const { page } = await visit();
    holdWorker();
    await drop(page, intake(page), [drawing('hourglass')]);
    await page.getByRole('heading', { level: 2, name: /queue|classified/i }).waitFor();
    await expectAccessible(page, 'running, light');
    await screenshot(page, 'running');
  });

  // A test of its own, as the worker must not be held so long that it is taken for dead: the page would say so, and move.
  it('goes on after a reload, and moves nothing when the result comes', async ({ visit, holdWorker }) => {
    const { page } = await visit();
    const release = holdWorker();
    await drop(page, intake(page), [drawing('hourglass')]);
    await page.getByRole('heading', { level: 2, name: /queue|classified/i }).waitFor();
    await page.reload();
    await page.getByRole('heading', { level: 2, name: /queue|classified/i }).waitFor();
    const shifts = await countShifts(page);
    release();
    expect(await topLabel(page)).toBe('hourglass');
    await page.getByRole('img', { name: /^Time by phase/ }).waitFor();
    await page.getByRole('region', { name: 'Earlier in this browser' }).getByRole('listitem').first().waitFor();
    expect(await shifts(), 'what moved when the result came').toBeLessThan(0.01);
  });

  it('can be canceled while it waits', async ({ visit, holdWorker }) => {
    const { page } = await visit();
    holdWorker();
    await drop(page, intake(page), [drawing('hourglass')]);
    await page.getByRole('heading', { level: 2, name: /queue|classified/i }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { level: 2, name: 'Canceled' }).waitFor();
    await page.getByRole('button', { name: 'Send it after all' }).waitFor();
  });
});
