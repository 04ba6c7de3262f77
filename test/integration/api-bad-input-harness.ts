/** How the tests of bad input ask, and what they expect. */
import { errorRegistry, problemSchema, type ErrorCode } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { type ServiceProcess } from '../support/service-process.js';
import { problemOf, startReadyApi } from './api-harness.js';

export const raw = { 'Content-Type': 'image/jpeg' };
export const json = { 'Content-Type': 'application/json' };

export interface Target {
  readonly api: ServiceProcess;
  /** A picture that is fine. */
  readonly image: Buffer;
  readonly post: (
    body: RequestInit['body'] | Buffer,
    headers?: Record<string, string>,
    query?: string,
  ) => Promise<Response>;
}

/** A service for the tests of a file; after each of them it must still accept a good picture, and in the end exit 0. */
export function targetOfTests(): () => Target {
  let server: RedisServer;
  let target: Target;
  beforeAll(async () => {
    server = await startRedis();
    const api = await startReadyApi(server.url);
    target = {
      api,
      image: await makeImage({ format: 'jpeg', width: 320, height: 240 }),
      post: (body, headers = {}, query = '') =>
        api.request(`/v1/jobs${query}`, { method: 'POST', body: body as RequestInit['body'] & {}, headers }),
    };
  });
  afterEach(async () => {
    expect((await target.post(target.image, raw)).status).toBe(202);
    expect(target.api.process.exitCode).toBeNull();
  });
  afterAll(async () => {
    expect(await target.api.end()).toBe(0);
    await server.stop();
  });
  return () => target;
}

/** Expects the problem `code`. */
export async function refused(ask: () => Promise<Response>, code: ErrorCode): Promise<Response> {
  const response = await ask();
  const problem = await problemOf(response.clone());
  expect([problem.code, response.status]).toEqual([code, errorRegistry[code].status]);
  expect(problem.type).toBe(`urn:quintet:error:${code}`);
  return response;
}

/** The same for an answer read off a socket. */
export function expectRaw(answer: string, code: ErrorCode): void {
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${errorRegistry[code].status} `));
  const [, body] = answer.split('\r\n\r\n');
  expect(problemSchema.parse(JSON.parse(body ?? '')).code).toBe(code);
}

/** The head of a submission, with these header lines. */
export function head(...lines: readonly string[]): string {
  return [`POST /v1/jobs HTTP/1.1`, 'Host: quintet', ...lines, '', ''].join('\r\n');
}
