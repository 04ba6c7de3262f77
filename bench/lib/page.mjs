/** The page in a browser, for a measurement: what a first visit loads, and how long a dropped picture takes. */

/** @typedef {import('playwright-core').Browser} Browser */

/**
 * Opens the page as somebody who was never there.
 * @param {Browser} browser
 * @param {string} url
 * @returns {Promise<{ paintMs: number, requests: number, blocking: number, bytes: number, scriptBytes: number }>}
 *   until the first contentful paint; requests until the network is quiet, those that the first paint waits for (the document
 *   included), and bytes of bodies as they were sent
 */
export async function watchLoad(browser, url) {
  const { page, close } = await visit(browser, url);
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
  await page.waitForLoadState('networkidle');
  const load = await page.evaluate(() => {
    const document = performance.getEntriesByType('navigation');
    const rest = performance.getEntriesByType('resource');
    const bytesOf = (/** @type {PerformanceResourceTiming[]} */ entries) =>
      entries.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
    return {
      paintMs: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      requests: document.length + rest.length,
      blocking: document.length + rest.filter((entry) => entry.renderBlockingStatus === 'blocking').length,
      bytes: bytesOf([...document, ...rest]),
      scriptBytes: bytesOf(rest.filter(({ name }) => new URL(name).pathname.endsWith('.js'))),
    };
  });
  await close();
  return load;
}

/**
 * Drops a picture on a page that has just been opened.
 * @param {Browser} browser
 * @param {string} url
 * @param {Buffer} image
 * @returns {Promise<{ cardMs: number, barsMs: number, shift: number, laterShift: number }>} milliseconds until the
 *   picture's card, and its bars, had been painted; layout shift from the drop on, and from the frame after the card's
 */
export async function dropPicture(browser, url, image) {
  const { page, close } = await visit(browser, url);
  await page.waitForLoadState('networkidle');
  const dropped = await page.evaluate(dropInPage, image.toString('base64'));
  await close();
  return dropped;
}

/** @param {Browser} browser @param {string} url */
async function visit(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(url);
  return { page, close: () => context.close() };
}

// It runs in the page, which has what Node has not.
/* global document, MutationObserver, DataTransfer, DragEvent, requestAnimationFrame */
/** @param {string} base64 */
async function dropInPage(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], 'photo.jpg', { type: 'image/jpeg' }));

  const shifts = /** @type {{ startTime: number, value: number }[]} */ ([]);
  new PerformanceObserver((list) => shifts.push(...list.getEntries())).observe({ type: 'layout-shift' });
  const there = (/** @type {string} */ selector, /** @type {number} */ least) =>
    new Promise((resolve) => {
      const look = () => {
        if (document.querySelectorAll(selector).length < least) return;
        watching.disconnect();
        resolve(undefined);
      };
      const watching = new MutationObserver(look);
      watching.observe(document.body, { subtree: true, childList: true });
      look();
    });
  // A task that was queued in a frame runs when that frame has been handed over for painting.
  const painted = () =>
    new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))));

  const began = performance.now();
  document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  await there('main article', 1);
  const card = await painted();
  await there('main article meter', 5);
  const bars = await painted();
  // Longer than any motion of the page.
  await new Promise((resolve) => setTimeout(resolve, 600));
  const sum = (/** @type {number} */ from) =>
    shifts.reduce((total, { startTime, value }) => (startTime >= from ? total + value : total), 0);
  return { cardMs: card - began, barsMs: bars - began, shift: sum(began), laterShift: sum(card) };
}
