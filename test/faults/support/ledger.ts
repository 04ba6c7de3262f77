/**
 * The books, closed after a fault: what was accepted against what came of it, as a client sees it.
 *
 *   lost         accepted, and no final state within the time, or the service does not know it any more
 *   duplicated   more than one end: two readings differ, the answer to `Prefer: wait` was another, or two webhooks differ
 *   wrong        succeeded with predictions that a calm service does not give, or failed
 * A webhook is owed for each job that asked for one: at least one delivery, all with one id and one body, equal to the job.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { isFinal, jobSchema, type Job } from '@quintet/shared';
import { expect } from 'vitest';
import type { Receiver } from '../../support/receiver.js';
import { eventually, patienceMs } from '../../support/service-process.js';
import type { Accepted, Load } from './load.js';
import { isRight, type Expected } from './pictures.js';
import { redisLeftovers } from './redis-leftovers.js';

export interface Ledger {
  readonly accepted: number;
  readonly finished: number;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly wrong: readonly string[];
  readonly webhooks: number;
  /** Jobs whose webhook did not come, or not as it should; and requests with a bad signature. */
  readonly badWebhooks: readonly string[];
  readonly jobs: ReadonlyMap<string, Job>;
}

export interface Books {
  readonly load: Pick<Load, 'accepted'>;
  readonly receiver: Receiver;
  /** Of an API that lives. */
  readonly url: () => string;
  /** Redis's own address. */
  readonly redisUrl: string;
  readonly expected: Expected;
  /** How a job may end that is not to succeed, by the picture's name: its codes. */
  readonly failing?: ReadonlyMap<string, readonly string[]>;
}

/** Reads every accepted job until it has ended, and once more; waits for the webhooks; looks into Redis. */
export async function closeBooks(books: Books): Promise<Ledger> {
  const { load, receiver, url, expected, failing = new Map<string, readonly string[]>() } = books;
  const deadline = performance.now() + patienceMs;
  const jobs = new Map<string, Job>();
  const lost: string[] = [];
  const duplicated: string[] = [];
  const wrong: string[] = [];
  await eachOf(load.accepted, async ({ id, picture, finished }) => {
    const job = await untilEnded(url, id, deadline);
    if (typeof job === 'string') {
      lost.push(`${id}: ${job}`);
      return;
    }
    jobs.set(id, job);
    if (finished !== undefined && !isDeepStrictEqual(finished, job)) duplicated.push(id);
    const codes = failing.get(picture.name);
    const right =
      codes === undefined ? isRight(job, expected.get(picture.name)) : codes.some((code) => code === job.error?.code);
    if (!right) {
      wrong.push(`${id} (${picture.name}): ${JSON.stringify({ ...job, metadata: undefined })}`);
    }
  });
  const badWebhooks = await checkWebhooks(load.accepted, jobs, receiver, deadline);
  await eachOf(load.accepted, async ({ id }) => {
    const first = jobs.get(id);
    if (first === undefined) return;
    const again = await untilEnded(url, id, performance.now() + patienceMs);
    if (!isDeepStrictEqual(first, again)) duplicated.push(id);
  });
  const webhooks = load.accepted.filter(({ webhookAt }) => webhookAt !== undefined).length;
  return {
    accepted: load.accepted.length,
    finished: jobs.size,
    lost,
    duplicated,
    wrong,
    webhooks,
    badWebhooks: receiver.refused === 0 ? badWebhooks : [...badWebhooks, `${receiver.refused} with a bad signature`],
    jobs,
  };
}

/** What must hold after every fault. */
export async function expectClean(ledger: Ledger, redisUrl: string): Promise<void> {
  const { lost, duplicated, wrong, badWebhooks } = ledger;
  expect({ lost, duplicated, wrong, badWebhooks }).toEqual({ lost: [], duplicated: [], wrong: [], badWebhooks: [] });
  expect(ledger.finished).toBe(ledger.accepted);
  expect(ledger.accepted).toBeGreaterThan(0);
  // What dead processes held is put away when their locks run out.
  await eventually(async () => {
    expect((await redisLeftovers(redisUrl)).slice(0, 20)).toEqual([]);
  });
}

async function checkWebhooks(
  accepted: readonly Accepted[],
  jobs: ReadonlyMap<string, Job>,
  receiver: Receiver,
  deadline: number,
): Promise<string[]> {
  const bad: string[] = [];
  for (const { id, webhookAt } of accepted) {
    const job = jobs.get(id);
    if (webhookAt === undefined || job === undefined) continue;
    while (receiver.at(webhookAt).length === 0 && performance.now() < deadline) await delay(20);
    const received = receiver.at(webhookAt);
    if (received.length === 0) bad.push(`${id}: never came`);
    for (const { id: webhookId, body } of received) {
      if (webhookId !== `msg_${id}`) bad.push(`${id}: has the webhook-id ${webhookId}`);
      if (body.type !== `job.${job.status}`) bad.push(`${id}: is a ${body.type}, and the job ${job.status}`);
      if (!isDeepStrictEqual(body.data, job))
        bad.push(`${id}: ${JSON.stringify(body.data)} is not ${JSON.stringify(job)}`);
    }
  }
  return bad;
}

async function untilEnded(url: () => string, id: string, deadline: number): Promise<Job | string> {
  let last: string;
  for (;;) {
    try {
      const job = await read(url(), id);
      if (isFinal(job.status)) return job;
      last = `is ${job.status} still`;
    } catch (error) {
      last = String(error);
    }
    if (performance.now() > deadline) return last;
    await delay(100);
  }
}

async function read(url: string, id: string): Promise<Job> {
  const response = await fetch(`${url}/v1/jobs/${id}`, { signal: AbortSignal.timeout(patienceMs) });
  const body: unknown = await response.json();
  if (response.status !== 200) throw new Error(`${response.status} ${JSON.stringify(body)}`);
  return jobSchema.parse(body);
}

/** A few at a time. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
    }),
  );
}
