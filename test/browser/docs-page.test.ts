/** `GET /docs` in a browser: complete, searchable, without a violation of its policy or of accessibility, on any screen. */
import { describe, expect } from 'vitest';
import { picturePath } from '../support/pictures.js';
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
    expect(await page.locator('.operation:visible .sample:visible code').innerText()).toContain(
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
    const submit = page.locator('#operation-submitJob');
    for (const language of ['curl', 'JavaScript', 'Python'])
      await submit.getByText(language, { exact: true }).waitFor();
  });

  it('is a view of the page: its header leads to the others, and its colours are theirs', async ({ visit }) => {
    const { page, url } = await visit({ path: '/docs' });
    const ground = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await page.getByRole('button', { name: 'Colours: as the system' }).click();
    await page.getByRole('button', { name: 'Colours: light' }).click();
    expect(await ground()).not.toBe(light);
    const views = page.getByRole('navigation', { name: 'Views' });
    // How far it reaches depends on what is beside it.
    const place = async (): Promise<unknown> => ({ ...(await views.boundingBox()), width: 0 });
    const box = await place();
    const dark = await ground();
    await views.getByRole('link', { name: 'Operations' }).click();
    await page.getByRole('heading', { level: 1, name: 'Operations' }).waitFor();
    expect([await ground(), await place()]).toEqual([dark, box]);
    await views.getByRole('link', { name: 'API' }).click();
    await page.getByRole('heading', { level: 1, name: /^API/ }).waitFor();
    expect(page.url()).toBe(`${url}/docs`);
  });

  it('has samples in three languages, in tabs that the keyboard reaches and that are remembered', async ({ visit }) => {
    const { page, url } = await visit({ path: '/docs', permissions: ['clipboard-read', 'clipboard-write'] });
    const submit = page.locator('#operation-submitJob');
    await submit.getByRole('tab', { name: 'curl', selected: true }).focus();
    await page.keyboard.press('ArrowLeft');
    await submit.getByRole('tab', { name: 'Python', selected: true }).waitFor();
    expect(await page.locator(':focus').innerText()).toBe('Python');
    const panel = page.locator('#operation-readJob').getByRole('tabpanel', { name: 'Python' });
    await panel.getByRole('button', { name: 'Copy' }).click();
    await panel.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(`urlopen`);
    expect(await panel.innerText()).toContain(`${url}/v1/jobs`);
    await page.reload();
    await submit.getByRole('tab', { name: 'Python', selected: true }).waitFor();
    expect(await page.getByRole('tabpanel', { name: 'curl' }).count()).toBe(0);
  });
});

describe('"Try it"', () => {
  it('sends a picture to the service, and its job on to other operations', async ({ visit }) => {
    const { page, url } = await visit({ path: '/docs' });
    const submit = page.locator('#operation-submitJob');
    await submit.getByText('Try it', { exact: true }).click();
    await submit.getByLabel('image required').setInputFiles(picturePath('umbrella'));
    await submit.getByText(/optional parameters/).click();
    await submit.getByLabel('Prefer').fill('wait=20');
    await submit.getByRole('spinbutton', { name: 'top_k' }).fill('2');
    const command = await submit.getByLabel('The request with curl').innerText();
    expect(command).toContain(`-F image=@umbrella.jpg`);
    expect(command).toContain(`${url}/v1/jobs?top_k=2`);
    await expectAccessible(page, 'docs, try it', '#operation-submitJob');
    await page.keyboard.press('Enter');
    const status = submit.getByRole('status');
    await status.getByText(/^20[02] .* ms$/).waitFor();
    const job = JSON.parse(await submit.getByLabel('Body', { exact: true }).innerText()) as {
      id: string;
      predictions: object[];
    };
    expect(job.predictions).toHaveLength(2);
    await submit.getByText('Headers', { exact: true }).click();
    expect(await submit.getByLabel('Headers').innerText()).toContain(`location: /v1/jobs/${job.id}`);
    await screenshot(page, 'docs-try', { whole: false });

    const watch = page.locator('#operation-watchJob');
    await watch.getByText('Try it', { exact: true }).click();
    expect(await watch.getByLabel('id required').inputValue()).toBe(job.id);
    await watch.getByRole('button', { name: 'Send' }).click();
    await expect.poll(() => watch.getByLabel('Body', { exact: true }).innerText()).toContain('event: status');

    const correct = page.locator('#operation-correctJob');
    await correct.getByText('Try it', { exact: true }).click();
    await correct.getByLabel('Body, as JSON').fill('{"label": "=1, \'it\'"}');
    expect(await correct.getByLabel('The request with curl').innerText()).toContain(`'{"label": "=1, '\\''it'\\''"}'`);
    await correct.getByRole('button', { name: 'Send' }).click();
    await expect.poll(() => correct.getByLabel('Body', { exact: true }).innerText()).toContain(`"label": "=1, 'it'"`);
  });

  it('shows pictures and refusals, on a phone', async ({ visit }) => {
    const { page } = await visit({
      path: '/docs',
      viewport: { width: 320, height: 700 },
      colorScheme: 'dark',
      expected: [/status of 400/],
    });
    const icon = page.locator('#operation-readPageIcon');
    await icon.getByText('Try it', { exact: true }).click();
    await icon.getByRole('button', { name: 'Send' }).click();
    await icon.getByRole('img', { name: 'The answer' }).waitFor();
    const read = page.locator('#operation-readJob');
    await read.getByText('Try it', { exact: true }).click();
    await read.getByLabel('id required').fill('a job');
    await read.getByRole('button', { name: 'Send' }).click();
    await expect.poll(() => read.getByLabel('Body', { exact: true }).innerText()).toContain('job_id_invalid');
    const batch = page.locator('#operation-submitBatch');
    await batch.getByText('Try it', { exact: true }).click();
    await batch.getByLabel('Content type').selectOption('application/json');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    await expectAccessible(page, 'docs, try it, phone', 'section.operation:has(form)');
  });
});
