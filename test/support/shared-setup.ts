/**
 * What the test files share: one stack (shared-stack.ts), and one Chromium for the tests of the page. The first file that asks
 * opens them, and the end of the run closes them.
 *
 * They live in Vitest's main process, which outlives the files. Files reach them by HTTP. `GET /stack` answers the addresses of
 * the stack. `GET /page` answers an announcement, or the reason why there is none, as soon as it is the file's turn. The file
 * keeps its turn until it closes the connection, so that no two files share the clipboard or stop the worker at the same time;
 * files of other kinds run beside it.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type BrowserServer } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { chromiumArguments, findChromium } from '../../scripts/lib/chromium.mjs';
import { step, warn } from '../../scripts/lib/report.mjs';
import { screenshotFolder } from '../browser/support/screenshot.js';
import type { SharedStack } from './shared-stack.js';
import { startStack } from './stack.js';

/** What the tests of the page have while it is their turn: the stack, and where Playwright connects. */
export type Announcement = { readonly missing: string } | (SharedStack & { readonly browser: string });

declare module 'vitest' {
  interface ProvidedContext {
    /** An address with a slash at its end: see above. */
    readonly sharedStand: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  let stack: Promise<SharedStack> | undefined;
  const openStack = async (): Promise<SharedStack> => {
    const started = await startStack();
    stops.push(() => started.stop());
    return { url: started.url, redis: started.redis.url, worker: started.workers[0]?.process.pid ?? 0 };
  };
  let page: Promise<Announcement> | undefined;
  const openPage = async (): Promise<Announcement> => {
    const program = await findChromium({ install: process.env['QUINTET_INSTALL_CHROMIUM'] === '1' });
    if ('missing' in program) return skipped(program.missing);
    const [shared, browser] = await Promise.all([(stack ??= openStack()), launch(program.binary)]);
    stops.push(async () => {
      await browser.close();
      step(`Screenshots of the page: ${screenshotFolder}`);
    });
    return { ...shared, browser: browser.wsEndpoint() };
  };

  const fail = (response: ServerResponse, error: unknown): void => {
    response.writeHead(500).end(error instanceof Error ? error.stack : String(error));
  };
  /** The first has its turn. */
  const waiting: ServerResponse[] = [];
  const beginTurn = (response: ServerResponse): void => {
    (page ??= openPage()).then(
      (announcement) => response.write(`${JSON.stringify(announcement)}\n`),
      (error: unknown) => {
        fail(response, error);
      },
    );
  };
  const server = createServer(({ url }, response) => {
    if (url === '/stack') {
      (stack ??= openStack()).then(
        (shared) => response.end(JSON.stringify(shared)),
        (error: unknown) => {
          fail(response, error);
        },
      );
      return;
    }
    if (waiting.push(response) === 1) beginTurn(response);
    response.on('close', () => {
      const place = waiting.indexOf(response);
      waiting.splice(place, 1);
      if (place === 0 && waiting[0]) beginTurn(waiting[0]);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('sharedStand', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

  return async () => {
    server.closeAllConnections();
    server.close();
    await Promise.allSettled([stack, page]);
    await Promise.all(stops.map((stop) => stop()));
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
