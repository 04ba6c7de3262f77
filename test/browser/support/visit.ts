/**
 * `it` for a test in the browser: `visit` opens the page as a new person would, with nothing remembered.
 *
 * Every visit is watched: a message of the console that is an error, an exception, a violation of the Content Security
 * Policy or a request to anyone but the service fails the test, whatever else it asserts. Who provokes errors says which
 * messages he expects: Chromium writes one for each response of 400 and more.
 */
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { expect, inject, test } from 'vitest';
import type { Announcement } from '../../support/shared-setup.js';

export interface VisitOptions {
  /** 1280 × 800 by default. */
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
  readonly permissions?: readonly string[];
  /** Another service than the shared one. */
  readonly url?: string;
  /** What follows the service's address; `/` by default. */
  readonly path?: string;
  /** Messages of the console that this test provokes. */
  readonly expected?: readonly RegExp[];
  /** Before the page is loaded: routes, scripts. */
  readonly before?: (context: BrowserContext) => Promise<void>;
}

export interface Visited {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Of the service, without a slash at its end. */
  readonly url: string;
  /** `GET /v1/jobs/…`: what the page has asked the service for. */
  readonly requests: readonly string[];
}

/** How long the page may take on a machine that does other things besides: no promise, only the end of what never comes. */
const patienceMs = 60_000;

export type Visit = (options?: VisitOptions) => Promise<Visited>;

let connected: Promise<Browser> | undefined;

/** What all files share, once it is this file's turn. */
type Stand = Exclude<Announcement, { readonly missing: string }>;

/** Waits for this file's turn. It lasts until the signal is aborted. */
async function takeTurn(signal: AbortSignal): Promise<Announcement> {
  const response = await fetch(`${inject('sharedStand')}page`, { signal });
  if (!response.ok) throw new Error(`The stand did not open: ${await response.text()}`);
  // One line comes; the end of the body would be the end of the turn.
  const line = await response.body?.pipeThrough(new TextDecoderStream()).getReader().read();
  return JSON.parse(line?.value ?? '') as Announcement;
}

export const it = test.extend<{ turn: Announcement; stand: Stand; holdWorker: () => () => void; visit: Visit }>({
  turn: [
    // eslint-disable-next-line no-empty-pattern -- Vitest reads the names of other fixtures from it.
    async ({}, use) => {
      const end = new AbortController();
      await use(await takeTurn(end.signal));
      end.abort();
    },
    { scope: 'file' },
  ],
  stand: async ({ turn, skip }, use) => {
    if ('missing' in turn) return skip(turn.missing);
    await use(turn);
  },
  /**
   * Stops the worker in its tracks, so that what is submitted stays as it is; returns what lets it go on. Not for longer than
   * its locks last, 9 s: it would be taken for dead.
   */
  holdWorker: async ({ stand }, use) => {
    const release = (): void => {
      process.kill(stand.worker, 'SIGCONT');
    };
    await use(() => {
      process.kill(stand.worker, 'SIGSTOP');
      return release;
    });
    release();
  },
  visit: async ({ stand }, use) => {
    const browser = await (connected ??= chromium.connect(stand.browser));
    const contexts: BrowserContext[] = [];
    const problems: string[] = [];
    await use(async (options = {}) => {
      const url = options.url ?? stand.url;
      const context = await browser.newContext(contextOptions(options));
      contexts.push(context);
      const requests = watch(context, new URL(url).origin, options.expected ?? [], problems);
      await options.before?.(context);
      const page = await context.newPage();
      page.setDefaultTimeout(patienceMs);
      await page.goto(url + (options.path ?? '/'));
      return { page, context, url, requests };
    });
    await Promise.all(contexts.map((context) => context.close()));
    expect(problems).toEqual([]);
  },
});

const contextOptions = (options: VisitOptions): BrowserContextOptions => ({
  viewport: options.viewport ?? { width: 1280, height: 800 },
  colorScheme: options.colorScheme ?? 'light',
  permissions: [...(options.permissions ?? [])],
  acceptDownloads: true,
  locale: 'en-GB',
});

/** Writes down what must not happen, and returns the growing list of requests. */
function watch(context: BrowserContext, origin: string, expected: readonly RegExp[], problems: string[]): string[] {
  const requests: string[] = [];
  context.on('console', (message) => {
    const text = `${message.text()} (${message.location().url})`;
    if (message.type() !== 'error' || expected.some((pattern) => pattern.test(text))) return;
    problems.push(`console: ${text}`);
  });
  context.on('weberror', (error) => problems.push(`exception: ${error.error().stack ?? error.error().message}`));
  context.on('request', (request) => {
    const { protocol, origin: asked, pathname } = new URL(request.url());
    if (protocol === 'data:' || protocol === 'blob:') return;
    if (asked === origin) requests.push(`${request.method()} ${pathname}`);
    else problems.push(`request to another origin: ${request.url()}`);
  });
  return requests;
}
