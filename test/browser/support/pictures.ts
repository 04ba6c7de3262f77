/** Pictures as a person gives them: by drop, by paste, by the two file choosers. */
import { basename } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { picture, picturePath } from '../../support/pictures.js';

export interface PictureFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** Our picture of a `label`, as a file. */
export function drawing(label: string): PictureFile {
  const name = basename(picturePath(label));
  return { name, type: name.endsWith('.png') ? 'image/png' : 'image/jpeg', bytes: picture(label) };
}

/** A file that is no picture, whatever its name says. */
export const noPicture: PictureFile = {
  name: 'notes.jpg',
  type: 'image/jpeg',
  bytes: Buffer.from('Dear diary, no pixels.'),
};

/** Drags the files over `target` and lets go, as an operating system would: with the events that a page gets from it. */
export async function drop(page: Page, target: Locator, files: readonly PictureFile[]): Promise<void> {
  const dataTransfer = await transferOf(page, files);
  for (const event of ['dragenter', 'dragover', 'drop']) await target.dispatchEvent(event, { dataTransfer });
  await dataTransfer.dispose();
}

/** Pastes the files where the focus is. */
export async function paste(page: Page, files: readonly PictureFile[]): Promise<void> {
  const clipboardData = await transferOf(page, files);
  await page.evaluate((data) => {
    const target = document.activeElement ?? document.body;
    target.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, clipboardData);
  await clipboardData.dispose();
}

function transferOf(page: Page, files: readonly PictureFile[]) {
  const given = files.map(({ name, type, bytes }) => ({ name, type, base64: bytes.toString('base64') }));
  return page.evaluateHandle((each) => {
    const transfer = new DataTransfer();
    for (const { name, type, base64 } of each) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type }));
    }
    return transfer;
  }, given);
}
