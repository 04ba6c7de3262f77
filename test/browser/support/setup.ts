/**
 * What all browser tests share: one Chromium and one stack, opened by the first file that asks and closed at the end of the run.
 *
 * It lives in Vitest's main process, which outlives the files, and starts only where browser tests are to run. The search for
 * Chromium begins at once, since installing it takes a while that other tests can use; stack and browser wait until they
 * are asked for, so that they stand in no other test's way. Files reach it by HTTP (stand.ts); nothing is handed out but
 * addresses, or the reason why there is nothing.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type BrowserServer } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { chromiumArguments, findChromium } from '../../../scripts/lib/chromium.mjs';
import { step, warn } from '../../../scripts/lib/report.mjs';
import { startStack, type Stack } from '../../support/stack.js';
import { screenshotFolder } from './screenshot.js';

/** What the files are told. */
export type Announcement =
  | { readonly missing: string }
  | {
      /** Where Playwright connects. */
      readonly browser: string;
      readonly url: string;
      readonly redis: string;
      /** The worker's process. */
      readonly worker: number;
    };

declare module 'vitest' {
  interface ProvidedContext {
    /** Where GET answers an Announcement. */
    readonly browserStand: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const found = findChromium({ install: process.env['QUINTET_INSTALL_CHROMIUM'] === '1' });
  const stops: (() => Promise<void>)[] = [];
  const open = async (): Promise<Announcement> => {
    const program = await found;
    if ('missing' in program) return skipped(program.missing);
    const kept = async <T>(starting: Promise<T>, stop: (started: T) => Promise<void>): Promise<T> => {
      const started = await starting;
      stops.push(() => stop(started));
      return started;
    };
    const [stack, browser] = await Promise.all([
      kept(startStack(), (started) => started.stop()),
      kept(launch(program.binary), (started) => started.close()),
    ]);
    return announce(stack, browser);
  };

  let opened: Promise<Announcement> | undefined;
  const server = createServer((_, response) => {
    opened ??= open();
    opened.then(
      (announcement) => response.end(JSON.stringify(announcement)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.stack : String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('browserStand', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

  return async () => {
    server.closeAllConnections();
    server.close();
    await Promise.allSettled([found, opened]);
    await Promise.all(stops.map((stop) => stop()));
    if (stops.length > 0) step(`Screenshots of the page: ${screenshotFolder}`);
  };
}

/** Vitest's own report counts the skipped tests, and does not say why. */
function skipped(missing: string): Announcement {
  warn(`Browser tests are skipped: ${missing}`);
  return { missing };
}

const launch = (executablePath: string): Promise<BrowserServer> =>
  chromium.launchServer({
    executablePath,
    args: [
      ...chromiumArguments,
      // Whatever would look up another host fails at once, as in a network of its own.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
      '--use-fake-device-for-media-stream',
    ],
  });

const announce = (stack: Stack, browser: BrowserServer): Announcement => ({
  browser: browser.wsEndpoint(),
  url: stack.url,
  redis: stack.redis.url,
  worker: stack.workers[0]?.process.pid ?? 0,
});
