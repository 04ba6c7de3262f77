/** What is around every view: how it comes over the wire, its tabs, its colours. */
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

describe('the page', () => {
  it('comes in one request plus script and style, all from the service, under 100 kB of script', async ({ visit }) => {
    const { page, requests } = await visit();
    await page.waitForLoadState('networkidle');
    const loaded = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .map((entry) => entry as PerformanceResourceTiming)
        .filter(({ initiatorType }) => ['script', 'link', 'css', 'img', 'font'].includes(initiatorType))
        .map(({ name, encodedBodySize }) => ({ name: new URL(name).pathname, bytes: encodedBodySize })),
    );
    const scripts = loaded.filter(({ name }) => name.endsWith('.js'));
    const styles = loaded.filter(({ name }) => name.endsWith('.css'));
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(100_000);
    expect([scripts.length, styles.length]).toEqual([1, 1]);
    expect(requests.filter((request) => request.startsWith('GET /assets/'))).toHaveLength(2);
  });

  it('has its views in tabs, and names each', async ({ visit }) => {
    const { page } = await visit();
    const tabs = page.getByRole('navigation', { name: 'Views' });
    await tabs.getByRole('link', { name: 'Operations' }).click();
    await expect.poll(() => page.title()).toBe('Operations · Quintet');
    expect(await tabs.getByRole('link', { name: 'Operations' }).getAttribute('aria-current')).toBe('page');
    await page.goBack();
    await expect.poll(() => page.title()).toBe('Quintet');
    await page.goForward();
    await expect.poll(() => page.title()).toBe('Operations · Quintet');
  });

  it.for(['light', 'dark'] as const)('is accessible while nothing happens, in %s', async (colorScheme, { visit }) => {
    const { page } = await visit({ colorScheme });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expectAccessible(page, `idle, ${colorScheme}`);
    await screenshot(page, colorScheme === 'light' ? 'idle' : 'dark');
  });

  it('takes the colours of the system, or those that were chosen, and keeps the choice', async ({ visit }) => {
    const { page } = await visit({ colorScheme: 'dark' });
    const ground = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await ground();
    const toggle = page.getByRole('button', { name: /^Colours:/ });
    expect(await toggle.getAttribute('aria-label')).toBe('Colours: as the system');
    await toggle.click();
    expect(await toggle.getAttribute('aria-label')).toBe('Colours: light');
    await expect.poll(ground).not.toBe(dark);
    const light = await ground();
    await page.reload();
    expect(await ground()).toBe(light);
    await toggle.click();
    expect(await toggle.getAttribute('aria-label')).toBe('Colours: dark');
    await expect.poll(ground).toBe(dark);
  });

  it('lets a keyboard skip to the content', async ({ visit }) => {
    const { page } = await visit();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  });
});
