/** The tab for whoever runs the service, while it works. */
import { describe, expect, onTestFinished } from 'vitest';
import { picture } from '../support/pictures.js';
import { testModel } from '../support/test-model.js';
import { expectAccessible } from './support/axe.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

describe('operations', () => {
  it('are shown live under load', async ({ visit }) => {
    const { page, url } = await visit({ path: '/#/operations' });
    let isLoading = true;
    onTestFinished(() => {
      isLoading = false;
    });
    const body = new Uint8Array(picture('balloon'));
    const load = async (): Promise<void> => {
      while (isLoading) {
        const headers = { 'Content-Type': 'image/jpeg', Prefer: 'wait=5' };
        await fetch(`${url}/v1/jobs`, { method: 'POST', body, headers });
      }
    };
    const loading = Promise.all([load(), load(), load(), load()]);
    await page.getByText('worker-1').first().waitFor();
    await page.getByText(testModel).filter({ visible: true }).first().waitFor();
    // What is shown changes by itself.
    const before = await page.getByRole('main').innerText();
    await expect.poll(() => page.getByRole('main').innerText()).not.toBe(before);
    await expectAccessible(page, 'operations, light');
    await screenshot(page, 'operations');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, 'operations, dark');
    await screenshot(page, 'operations-dark');
    isLoading = false;
    await loading;
  });
});
