/** What is around every view: how it comes over the wire, its tabs, its colours. */
import { describe, expect } from 'vitest';
import { expectAccessible } from './support/axe.js';
import { intake } from './support/results.js';
import { screenshot } from './support/screenshot.js';
import { it } from './support/visit.js';

describe('the page', () => {
  it('comes in one request plus script, style and examples, all from the service, under 100 kB of script', async ({
    visit,
  }) => {
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
    const named = [...scripts, ...styles, ...loaded.filter(({ name }) => /\.(jpg|png)$/.test(name))];
    expect(requests.filter((request) => request.startsWith('GET /assets/'))).toHaveLength(named.length);
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

  it('is accessible while nothing happens, light and dark', async ({ visit }) => {
    const { page } = await visit();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expectAccessible(page, 'idle, light');
    await screenshot(page, 'idle');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, 'idle, dark');
    await screenshot(page, 'dark');
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

  it('says of a link that was cut that it is not complete', async ({ visit }) => {
    const { page } = await visit({ path: '/#/jobs/0123', expected: [/status of 400/] });
    await page.getByRole('heading', { level: 1, name: 'This link is not complete' }).waitFor();
    await page.getByRole('link', { name: 'Classify a picture' }).click();
    await intake(page).waitFor();
  });

  it('lets a keyboard skip to the content', async ({ visit }) => {
    const { page } = await visit();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  });
});
