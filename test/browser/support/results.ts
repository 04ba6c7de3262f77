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

/** Begins to count how much moves by itself from now on; the returned function tells the sum of Chromium's layout shifts. */
export async function countShifts(page: Page): Promise<() => Promise<number>> {
  const counter = await page.evaluateHandle(() => {
    const count = { sum: 0 };
    const add = (entries: PerformanceEntryList): void => {
      for (const entry of entries) count.sum += (entry as PerformanceEntry & { value: number }).value;
    };
    const observer = new PerformanceObserver((list) => {
      add(list.getEntries());
    });
    observer.observe({ type: 'layout-shift' });
    const read = (): number => {
      add(observer.takeRecords());
      return count.sum;
    };
    return { read };
  });
  return () =>
    counter.evaluate(
      ({ read }) =>
        new Promise<number>((resolve) => {
          // What was laid out before this frame is told by the end of the next.
          requestAnimationFrame(() =>
            requestAnimationFrame(() => {
              resolve(read());
            }),
          );
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
