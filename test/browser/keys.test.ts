/** A service that asks for keys: the page opens all the same, asks for one when it needs it, and keeps it. */
import { createApiKey } from '@quintet/shared';
import { describe, expect, onTestFinished } from 'vitest';
import { startService } from '../support/service-process.js';
import { testModel } from '../support/test-model.js';
import { expectAccessible } from './support/axe.js';
import { drawing, drop } from './support/pictures.js';
import { intake, topLabel } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

describe('a service with API keys', () => {
  it('is told the key that the person enters, refuses another, and is not asked for it again', async ({
    visit,
    stand,
  }) => {
    const { key, entry } = createApiKey('person', ['submit', 'read']);
    const api = await startService('api', {
      REDIS_URL: stand.redis,
      DEFAULT_MODEL: testModel,
      API_KEYS: JSON.stringify([entry]),
    });
    onTestFinished(async () => {
      await api.end();
    });
    await api.ready();
    const { page } = await visit({ url: api.url, expected: [/status of 401/] });
    const dialog = page.getByRole('dialog', { name: 'This service asks for an API key' });
    await dialog.waitFor();
    await expectAccessible(page, 'key dialog');
    await screenshot(page, 'key', { whole: false });
    await dialog.getByLabel('API key').fill(createApiKey('stranger', ['submit']).key);
    await page.keyboard.press('Enter');
    await page.getByText(/is not known to the service/).waitFor();
    await dialog.getByLabel('API key').fill(key);
    await dialog.getByRole('button', { name: 'Use this key' }).click();
    await drop(page, intake(page), [drawing('envelope')]);
    expect(await topLabel(page)).toBe('envelope');
    await page.reload();
    await drop(page, intake(page), [drawing('balloon')]);
    expect(await topLabel(page)).toBe('balloon');
    expect(await dialog.count()).toBe(0);
    // It stands in no address: those are written into logs and histories.
    expect(await page.evaluate(() => location.href)).not.toContain(key);

    // The form of /docs has it, too; the command to copy has not.
    await page.goto(`${api.url}/docs`);
    const models = page.locator('#operation-listModels');
    await models.getByText('Try it', { exact: true }).click();
    expect(await models.getByLabel('API key').inputValue()).toBe(key);
    await models.getByRole('button', { name: 'Send' }).click();
    await models.getByRole('status').getByText(/^200 /).waitFor();
    const command = await models.getByLabel('The request with curl').innerText();
    expect(command).toContain('Bearer $QUINTET_API_KEY');
    expect(await page.content()).not.toContain(key);
  });
});
