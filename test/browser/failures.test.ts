/** What does not work is told in words, with what to do; what passes is tried again. */
import { ProblemError } from '@quintet/shared';
import { describe, expect, onTestFinished } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { picture } from '../support/pictures.js';
import { freePort } from '../support/redis-server.js';
import { startService } from '../support/service-process.js';
import { testModel } from '../support/test-model.js';
import { expectAccessible } from './support/axe.js';
import { drawing, drop, noPicture, type PictureFile } from './support/pictures.js';
import { expectNoSidewaysScroll, intake, topLabel } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

/** Chromium writes one line for each of them. */
const refused = /the server responded with a status of [45]\d\d/;
const unreachable = /net::ERR_/;

const asFile = (name: string, bytes: Buffer): PictureFile => ({ name, type: 'image/jpeg', bytes });

describe('a file', () => {
  it('that is no picture is refused in words, and others after it are not', async ({ visit }) => {
    const { page } = await visit({ expected: [refused] });
    await drop(page, intake(page), [noPicture]);
    await page.getByRole('heading', { level: 2, name: 'Did not work' }).waitFor();
    await page.getByText('image_format_unsupported', { exact: true }).waitFor();
    await page
      .getByText(/JPEG, PNG, WebP/)
      .first()
      .waitFor();
    await expectAccessible(page, 'error, light');
    await screenshot(page, 'error');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, 'error, dark');
    await drop(page, intake(page), [drawing('umbrella')]);
    expect(await topLabel(page)).toBe('umbrella');
  });

  it('that is empty, cut off or vast is explained by its own code', async ({ visit }) => {
    const { page } = await visit({ expected: [refused] });
    const vast = await makeImage({ format: 'png', width: 10_000, height: 7000, colour: 'grey' });
    const files: [string, PictureFile][] = [
      ['body_empty', asFile('empty.jpg', Buffer.alloc(0))],
      ['image_truncated', asFile('cut.jpg', picture('wall clock').subarray(0, 4000))],
      ['image_too_many_pixels', asFile('vast.png', vast)],
    ];
    for (const [code, file] of files) {
      await drop(page, intake(page), [file]);
      await page.getByText(code, { exact: true }).waitFor();
    }
    // Together they are tiles, each with its reason, about the picture and not about a request.
    await drop(page, intake(page), [...files.map(([, file]) => file), drawing('umbrella'), drawing('umbrella')]);
    await page.getByRole('heading', { level: 2, name: '5 pictures' }).waitFor();
    expect(await page.title()).toBe('2 of 5 done, 3 failed · Quintet');
    const reasons = ['The file is empty', 'The end of the picture is missing', 'The picture has too many pixels'];
    for (const reason of reasons) await page.getByRole('button', { name: reason }).waitFor();
    await page.getByLabel('Order').selectOption('Groups by label');
    const groups = page.getByRole('heading', { level: 3 }).filter({ visible: true });
    await expect.poll(() => groups.first().innerText()).toMatch(/^umbrella 2$/i);
    expect((await groups.allInnerTexts()).slice(0, 2).map((text) => text.toLowerCase())).toEqual([
      ...['umbrella 2', 'did not work 3'],
    ]);
    await screenshot(page, 'batch-failed', { whole: false });
  });

  it('that is not at its address', async ({ visit }) => {
    const { page, url } = await visit({ expected: [refused] });
    await page.getByRole('textbox', { name: 'Address of a picture' }).fill(`${url}/nothing.jpg`);
    await page.keyboard.press('Enter');
    await page.getByText('image_url_status', { exact: true }).waitFor();
    await page.getByText(/Check the address/).waitFor();
  });
});

describe('a service', () => {
  it('that is full says so, and the page tries again when it was told to', async ({ visit }) => {
    let asked = 0;
    const { page } = await visit({
      expected: [refused],
      before: async (context) => {
        await context.route('**/v1/jobs*', async (route) => {
          asked += 1;
          if (asked > 1) return route.continue();
          await route.fulfill({
            status: 503,
            headers: { 'Retry-After': '1' },
            contentType: 'application/problem+json; charset=utf-8',
            body: JSON.stringify(new ProblemError('queue_full', '10000 jobs wait.').toProblem()),
          });
        });
      },
    });
    await drop(page, intake(page), [drawing('envelope')]);
    await page.getByRole('heading', { level: 2, name: /Trying again in \d s/ }).waitFor();
    await page.getByText(/The page tries again by itself/).waitFor();
    await expectAccessible(page, 'full');
    await screenshot(page, 'full');
    expect(await topLabel(page)).toBe('envelope');
    expect(asked).toBe(2);
  });

  it('that hangs is not called connected, nor is a picture sent that it has not taken', async ({ visit, stand }) => {
    const api = await startService('api', { REDIS_URL: stand.redis, DEFAULT_MODEL: testModel });
    onTestFinished(async () => {
      api.process.kill('SIGCONT');
      await api.end();
    });
    await api.ready();
    const { page } = await visit({ url: api.url });
    await page.getByText('Connected', { exact: true }).waitFor();
    api.process.kill('SIGSTOP');
    await drop(page, intake(page), [drawing('envelope')]);
    // At first; on a busy machine the page may have waited long enough when the test comes to look.
    await page
      .getByRole('heading', { level: 2, name: /^(Sent · waiting for the answer|No answer for \d+ s)$/ })
      .waitFor();
    await page.getByRole('heading', { level: 2, name: /^No answer for \d+ s$/ }).waitFor();
    await page
      .getByRole('banner')
      .getByText(/^No answer for \d+ s$/)
      .waitFor();
    expect(await page.title()).toBe('No answer · Quintet');
    await expectAccessible(page, 'silent');
    await screenshot(page, 'silent');
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoSidewaysScroll(page, 'silent');
    api.process.kill('SIGCONT');
    expect(await topLabel(page)).toBe('envelope');
    await page.getByText('Connected', { exact: true }).waitFor();
  });

  it('that is gone is waited for, and gets the picture when it is back', async ({ visit, stand }) => {
    const port = String(await freePort());
    const start = () => startService('api', { REDIS_URL: stand.redis, DEFAULT_MODEL: testModel, PORT: port });
    const api = await start();
    await api.ready();
    onTestFinished(async () => {
      await api.end();
    });
    const { page } = await visit({ url: api.url, expected: [unreachable] });
    await page.getByText('Connected', { exact: true }).waitFor();
    await api.end('SIGKILL');
    await drop(page, intake(page), [drawing('envelope')]);
    await page.getByText('The service cannot be reached', { exact: true }).waitFor();
    await page.getByText('No connection').waitFor();
    await expectAccessible(page, 'unreachable');
    await screenshot(page, 'unreachable');
    const back = await start();
    onTestFinished(async () => {
      await back.end();
    });
    expect(await topLabel(page)).toBe('envelope');
    await page.getByText('Connected', { exact: true }).waitFor();
  });
});
