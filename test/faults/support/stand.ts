/** Where faults are tested: all of Quintet, a receiver, pictures with their right answers, and the books. */
import { readFileSync } from 'node:fs';
import { jobSchema, Redis } from '@quintet/shared';
import { expect } from 'vitest';
import { full } from '../../support/full.js';
import { startReceiver, type Receiver } from '../../support/receiver.js';
import { eventually, type ServiceProcess } from '../../support/service-process.js';
import { stackWebhookSecret, startStack, type Stack, type StackOptions } from '../../support/stack.js';
import { closeBooks, expectClean, type Books, type Ledger } from './ledger.js';
import { Load, type LoadOptions } from './load.js';
import { classifyCalmly, somePictures, type Expected, type Picture } from './pictures.js';
import { addRow } from './table.js';

export interface Stand {
  readonly stack: Stack;
  readonly receiver: Receiver;
  readonly pictures: readonly Picture[];
  readonly expected: Expected;
  /** Of the APIs that live. The tests keep it. */
  urls: readonly string[];
  load(options?: Partial<LoadOptions>): Load;
  /** Seconds until a job that is submitted from now on succeeds. */
  recovery(): Promise<number>;
  /** Closes the books of `load`, expects them to be clean, and adds the row. */
  book(fault: string, load: Pick<Load, 'accepted'>, rest?: BookOptions): Promise<Ledger>;
  stop(): Promise<void>;
}

export interface BookOptions extends Partial<Pick<Books, 'failing'>> {
  readonly recoverySeconds?: number;
  readonly note?: string | ((ledger: Ledger) => string);
}

/** Short delays: a delivery that failed is due again while the test still looks. */
const environment = { WEBHOOK_SCHEDULE_SECONDS: '0,1,1,1,2,2,2,2,5,5,5,5', LOG_LEVEL: 'info' };

export async function startStand(options: StackOptions = {}): Promise<Stand> {
  const [receiver, stack] = await Promise.all([
    startReceiver(stackWebhookSecret),
    startStack({ ...options, env: { ...environment, ...options.env } }),
  ]);
  const pictures = somePictures();
  const expected = await classifyCalmly(stack.url, pictures);
  const redisBefore = await redisMegabytes(stack.redis.url);
  const stand: Stand = {
    stack,
    receiver,
    pictures,
    expected,
    urls: [stack.url],
    load: (rest) =>
      new Load({ urls: () => stand.urls, pictures, receiver, clients: 4, pauseMs: full ? 120 : 300, ...rest }),
    recovery: async () => {
      const started = performance.now();
      await eventually(async () => {
        if (!(await succeeds(stand.urls[0] ?? '', pictures[0]))) throw new Error('no job succeeds');
      });
      return (performance.now() - started) / 1000;
    },
    book: async (fault, load, { recoverySeconds, note, ...rest } = {}) => {
      const ledger = await closeBooks({
        load,
        receiver,
        url: () => stand.urls[0] ?? '',
        redisUrl: stack.redis.url,
        expected,
        ...rest,
      });
      const text = typeof note === 'function' ? note(ledger) : note;
      addRow({
        fault,
        accepted: ledger.accepted,
        finished: ledger.finished,
        lost: ledger.lost.length,
        duplicated: ledger.duplicated.length,
        webhooks: ledger.webhooks,
        recoverySeconds,
        ...(text === undefined ? {} : { note: text }),
      });
      await expectClean(ledger, stack.redis.url);
      // A few kilobytes of each result stay for a day; of pictures nothing does.
      expect(await redisMegabytes(stack.redis.url)).toBeLessThan(redisBefore + 64);
      return ledger;
    },
    stop: async () => {
      await stack.stop();
      receiver.stop();
    },
  };
  return stand;
}

async function succeeds(url: string, picture: Picture | undefined): Promise<boolean> {
  if (picture === undefined) throw new Error('there is no picture');
  try {
    const response = await fetch(`${url}/v1/jobs`, {
      method: 'POST',
      body: picture.bytes,
      headers: { 'Content-Type': 'image/jpeg', Prefer: 'wait=20', 'Cache-Control': 'no-cache' },
      signal: AbortSignal.timeout(25_000),
    });
    const body: unknown = await response.json();
    return response.status === 200 && jobSchema.parse(body).status === 'succeeded';
  } catch {
    return false;
  }
}

/** Resident memory of a process, in megabytes; undefined where the system does not say. */
export function residentMegabytes(pid: number | undefined): number | undefined {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}

async function redisMegabytes(url: string): Promise<number> {
  const redis = new Redis(url);
  try {
    return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]) / 1e6;
  } finally {
    redis.disconnect();
  }
}

/** What each of these processes holds now; `check` expects them to hold about as much again later. */
export function watchMemory(processes: readonly ServiceProcess[]) {
  const before = processes.map(({ process: { pid } }) => residentMegabytes(pid));
  return {
    check: (): void => {
      for (const [index, { process: child }] of processes.entries()) {
        const was = before[index];
        const now = residentMegabytes(child.pid);
        // Heaps grow to a level of their own in the first minutes; a leak under load is another order.
        if (was !== undefined && now !== undefined) expect(now).toBeLessThan(was * 1.5 + 150);
      }
    },
  };
}

/** Seconds from `from` (Unix ms) to when each of these jobs ended; the longest. */
export function slowest(ledger: Ledger, ids: ReadonlySet<string>, from: number): number {
  const ends = [...ledger.jobs.values()]
    .filter(({ id }) => ids.has(id))
    .map((job) => Date.parse(job.finished_at ?? ''));
  return Math.max(0, ...ends.map((end) => (end - from) / 1000));
}
