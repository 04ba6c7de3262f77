/** What the page shows of a result, as a person or a screen reader finds it. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** The part of the page where pictures come in. */
export const intake = (page: Page): Locator => page.getByRole('region', { name: 'Add pictures' });

/** Waits for the five bars; their labels and scores, in their order. */
export async function bars(within: Page | Locator): Promise<{ label: string; score: number }[]> {
  const meters = within.getByRole('list', { name: 'The most likely labels' }).getByRole('meter');
  await meters.nth(4).waitFor();
  const shown = await meters.evaluateAll((all) =>
    all.map((meter) => ({ label: meter.getAttribute('aria-label') ?? '', score: (meter as HTMLMeterElement).value })),
  );
  expect(shown).toHaveLength(5);
  expect(shown.map(({ score }) => score)).toEqual(shown.map(({ score }) => score).sort((a, b) => b - a));
  return shown;
}

/** The first label, once the result is there. */
export const topLabel = async (within: Page | Locator): Promise<string> => (await bars(within))[0]?.label ?? '';

/** How much what is shown has moved by itself since the page was opened: the sum of Chromium's layout shifts. */
export function layoutShift(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0;
        new PerformanceObserver((list, observer) => {
          for (const entry of list.getEntries()) {
            const { value, hadRecentInput } = entry as PerformanceEntry & { value: number; hadRecentInput: boolean };
            if (!hadRecentInput) sum += value;
          }
          observer.disconnect();
          resolve(sum);
        }).observe({ type: 'layout-shift', buffered: true });
        // Where there was none, nothing is reported.
        setTimeout(() => {
          resolve(sum);
        }, 100);
      }),
  );
}

/** Fails where anything is wider than the window. */
export async function expectNoSidewaysScroll(page: Page, state: string): Promise<void> {
  const { scrolled, window } = await page.evaluate(() => ({
    scrolled: document.documentElement.scrollWidth,
    window: document.documentElement.clientWidth,
  }));
  expect(scrolled, `width of the page: ${state}`).toBeLessThanOrEqual(window);
}
