/**
 * All browser tests share one Chromium and one stack: the first file that asks opens them, and the end of the run closes them.
 *
 * They live in Vitest's main process, which outlives the files. Files reach them by HTTP (visit.ts): GET answers addresses, or
 * the reason why there are none, as soon as it is the file's turn. The file keeps its turn until it closes the connection, so
 * that no two files share the clipboard or stop the worker at the same time; files of other kinds run beside it.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type BrowserServer } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { chromiumArguments, findChromium } from '../../../scripts/lib/chromium.mjs';
import { step, warn } from '../../../scripts/lib/report.mjs';
import { startStack, type Stack } from '../../support/stack.js';
import { screenshotFolder } from './screenshot.js';

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
    /** GET answers an Announcement and keeps the connection open: see above. */
    readonly browserStand: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  const open = async (): Promise<Announcement> => {
    const program = await findChromium({ install: process.env['QUINTET_INSTALL_CHROMIUM'] === '1' });
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
  /** The first has its turn. */
  const waiting: ServerResponse[] = [];
  const serve = (response: ServerResponse): void => {
    opened ??= open();
    opened.then(
      (announcement) => response.write(`${JSON.stringify(announcement)}\n`),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.stack : String(error)),
    );
  };
  const server = createServer((_, response) => {
    if (waiting.push(response) === 1) serve(response);
    response.on('close', () => {
      const place = waiting.indexOf(response);
      waiting.splice(place, 1);
      if (place === 0 && waiting[0]) serve(waiting[0]);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('browserStand', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

  return async () => {
    server.closeAllConnections();
    server.close();
    await Promise.allSettled([opened]);
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
