/**
 * Clients that submit pictures for as long as they are told to: one in three waits (`Prefer: wait`), one wants a webhook,
 * one does neither. Each does what a careful client does: what was not answered with 200 or 202 it sends again, to the next
 * address, and it remembers every id that it was given. What was refused or broke is counted by its kind.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isFinal, jobSchema, problemSchema, type Job } from '@quintet/shared';
import type { Answer, Receiver } from '../../support/receiver.js';
import { patienceMs } from '../../support/service-process.js';
import type { Picture } from './pictures.js';

export interface Accepted {
  readonly id: string;
  readonly picture: Picture;
  /** Where its webhook goes; undefined: it has none. */
  readonly webhookAt: string | undefined;
  /** `performance.now()` when the answer was there. */
  readonly at: number;
  /** The finished job, where the answer was 200. */
  readonly finished: Job | undefined;
}

export interface LoadOptions {
  /** Of the APIs, asked before every request. */
  readonly urls: () => readonly string[];
  readonly pictures: readonly Picture[];
  readonly receiver: Receiver;
  readonly clients: number;
  /** Each client's pause between two requests, in ms. */
  readonly pauseMs: number;
  /** Over the default: which way a request takes. */
  readonly ways?: readonly Way[];
  /** How the receiver answers; 204 at once by default. */
  readonly answer?: Answer;
  /** Further query parameters. */
  readonly query?: Readonly<Record<string, string>>;
}

export type Way = 'plain' | 'wait' | 'webhook';

/** No request may hang, whatever happens to the service. */
const longestMs = patienceMs;
let submissions = 0;

export class Load {
  readonly accepted: Accepted[] = [];
  /** Requests that were not accepted, by status and code or by error. */
  readonly failures = new Map<string, number>();
  /** Milliseconds from the request to the end of each answer, of those with that status. */
  readonly latencies: { readonly status: number; readonly ms: number; readonly at: number }[] = [];
  #stopped = false;
  readonly #clients: Promise<void>[];

  constructor(private readonly options: LoadOptions) {
    this.#clients = Array.from({ length: options.clients }, (_, index) => this.#client(index));
  }

  get refused(): number {
    return [...this.failures.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Ends the clients; every request under way is answered first. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  /** Resolves when `count` more jobs have been accepted from now. */
  async more(count: number): Promise<void> {
    const goal = this.accepted.length + count;
    while (this.accepted.length < goal && !this.#stopped) await delay(20);
  }

  async #client(index: number): Promise<void> {
    const { pictures, pauseMs, ways = ['wait', 'webhook', 'plain'] } = this.options;
    for (let turn = index; this.#isRunning(); turn += 1) {
      const picture = pictures[(turn * 7 + index) % pictures.length];
      const way = ways[turn % ways.length];
      if (picture === undefined || way === undefined) return;
      // Until it is accepted: a client that gives up would hide what it was told.
      while (!(await this.#submit(picture, way, index)) && this.#isRunning()) await delay(150);
      await delay(pauseMs * (0.5 + Math.random()));
    }
  }

  #isRunning(): boolean {
    return !this.#stopped;
  }

  #turn = 0;

  async #submit(picture: Picture, way: Way, client: number): Promise<boolean> {
    const { receiver, urls, answer, query = {} } = this.options;
    const addresses = urls();
    this.#turn += 1;
    const url = addresses[(this.#turn + client) % addresses.length] ?? '';
    submissions += 1;
    const webhookAt = way === 'webhook' ? `hook-${submissions}` : undefined;
    const parameters = new URLSearchParams({
      ...query,
      ...(webhookAt === undefined ? {} : { webhook_url: receiver.expectAt(webhookAt, answer) }),
    });
    const started = performance.now();
    try {
      const response = await fetch(`${url}/v1/jobs?${parameters.toString()}`, {
        method: 'POST',
        body: picture.bytes,
        headers: {
          'Content-Type': 'image/jpeg',
          // Every job is to be run: an answer from memory would prove nothing.
          'Cache-Control': 'no-cache',
          ...(way === 'wait' ? { Prefer: 'wait=10' } : {}),
        },
        signal: AbortSignal.timeout(longestMs),
      });
      const body: unknown = await response.json();
      const at = performance.now();
      this.latencies.push({ status: response.status, ms: at - started, at });
      if (response.status !== 200 && response.status !== 202) {
        this.#failed(`${response.status} ${problemSchema.parse(body).code}`);
        return false;
      }
      const job = jobSchema.parse(body);
      const finished = isFinal(job.status) ? job : undefined;
      this.accepted.push({ id: job.id, picture, webhookAt, at, finished });
      return true;
    } catch (error) {
      this.#failed(reasonOf(error));
      return false;
    }
  }

  #failed(reason: string): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  return cause?.code ?? cause?.message ?? `${error.name}: ${error.message}`;
}
