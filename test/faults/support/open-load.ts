/**
 * Submissions at a given rate, whatever comes of them: what clients do who do not know of each other. Over `node:http` with few
 * words, as the time that a refusal takes is measured here.
 */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { jobSchema, problemSchema } from '@quintet/shared';
import type { Accepted } from './load.js';
import type { Picture } from './pictures.js';

export interface Answered {
  readonly status: number;
  /** From the first byte that is sent to the last that is received. */
  readonly ms: number;
  readonly retryAfter: string | undefined;
  /** The code of the problem. */
  readonly code: string | undefined;
}

export class OpenLoad {
  readonly accepted: Accepted[] = [];
  readonly answers: Answered[] = [];
  readonly broken: string[] = [];
  /** Milliseconds of a request that the service answers without a thought, all the while: what the machine itself takes. */
  readonly probes: number[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(
    private readonly url: string,
    private readonly picture: Picture,
  ) {}

  /** Sends `perSecond` for `ms`, evenly; resolves when all of it has been answered. */
  async run(perSecond: number, ms: number): Promise<void> {
    const started = performance.now();
    const under: Promise<void>[] = [];
    const probe = setInterval(() => void this.#probe(), 100);
    for (let sent = 0; performance.now() - started < ms; sent += 1) {
      under.push(this.#submit());
      const due = started + ((sent + 1) * 1000) / perSecond;
      const early = due - performance.now();
      if (early > 1) await delay(early);
    }
    await Promise.all(under);
    clearInterval(probe);
    // A run that follows begins with connections of its own.
    this.#agent.destroy();
  }

  get refused(): Answered[] {
    return this.answers.filter(({ status }) => status === 503);
  }

  async #probe(): Promise<void> {
    const started = performance.now();
    const response = await fetch(`${this.url}/health/live`).catch(() => undefined);
    await response?.arrayBuffer().catch(() => undefined);
    this.probes.push(performance.now() - started);
  }

  #submit(): Promise<void> {
    const { picture } = this;
    return new Promise((resolve) => {
      let started = performance.now();
      const sending = request(`${this.url}/v1/jobs`, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'Content-Type': 'image/jpeg',
          'Content-Length': picture.bytes.length,
          'Cache-Control': 'no-cache',
        },
      });
      // Waiting for a free connection is this generator's doing, not the service's.
      sending.on('socket', () => {
        started = performance.now();
      });
      sending.on('error', (error) => {
        this.broken.push(error.message);
        resolve();
      });
      sending.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const at = performance.now();
          const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
          const status = response.statusCode ?? 0;
          const code = status === 202 ? undefined : problemSchema.parse(body).code;
          this.answers.push({ status, ms: at - started, retryAfter: response.headers['retry-after'], code });
          if (status === 202) {
            const { id } = jobSchema.parse(body);
            this.accepted.push({ id, picture, webhookAt: undefined, at, finished: undefined });
          }
          resolve();
        });
      });
      sending.end(picture.bytes);
    });
  }
}

/** The value that `share` of `values` do not exceed; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
