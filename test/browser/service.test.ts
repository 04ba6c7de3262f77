import { describe, expect } from 'vitest';
import { it } from './support/visit.js';

describe('what else a browser can open', () => {
  it('opens the documents that the API links to', async ({ visit }) => {
    const { page, url } = await visit({ path: '/openapi.json' });
    expect(await page.locator('body').innerText()).toContain('"openapi"');
    expect(page.url()).toBe(`${url}/openapi.json`);
  });
});
