/** Pictures of the page for a person to look at; git ignores them. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

export const screenshotFolder = fileURLToPath(new URL('../../../.quintet/screenshots', import.meta.url));

/** `name` without its ending; what is below the fold is in it where `whole` says so. */
export async function screenshot(page: Page, name: string, { whole = true } = {}): Promise<void> {
  await page.screenshot({ path: join(screenshotFolder, `${name}.png`), fullPage: whole, caret: 'initial' });
}
