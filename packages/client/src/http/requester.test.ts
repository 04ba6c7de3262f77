import { describe, expect, it } from 'vitest';
import type { QuintetError } from '../errors.js';
import type { FetchLike, FetchLikeInit, FetchLikeResponse } from './fetch-like.js';
import { Requester } from './requester.js';

type Step = FetchLikeResponse | Error;

function answer(status: number, body: unknown, headers: Record<string, string> = {}): FetchLikeResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return new Response(text, { status, headers });
}

const full = (retryAfter = '0'): FetchLikeResponse =>
  answer(
    503,
    {
      type: 'urn:quintet:error:queue_full',
      title: 'Full',
      status: 503,
      code: 'queue_full',
      retryable: true,
      detail: 'No room.',
    },
    { 'retry-after': retryAfter, 'x-request-id': 'req-1' },
  );

/** Answers with one step after another, and notes what it is asked. */
function scripted(...steps: Step[]): { asked: [string, FetchLikeInit][]; requester: Requester; denied: string[] } {
  const asked: [string, FetchLikeInit][] = [];
  const fetch: FetchLike = (url, init) => {
    asked.push([url, init]);
    const step = steps.shift() ?? new Error('nothing more was expected');
    return step instanceof Error ? Promise.reject(step) : Promise.resolve(step);
  };
  const denied: string[] = [];
  let key = 1;
  const requester = new Requester({
    ...{ url: 'http://q/base', fetch, retrySeconds: 20, patienceSeconds: 60 },
    apiKey: () => `qk_${key}`,
    onDenied: ({ code }) => {
      denied.push(code);
      key += 1;
      return Promise.resolve(code === 'api_key_invalid');
    },
  });
  return { asked, requester, denied };
}

describe('a request', () => {
  it('is made again until it is answered, the same each time', async () => {
    const { asked, requester } = scripted(new TypeError('fetch failed'), full(), answer(200, { id: 'x' }));
    const retries: string[] = [];
    const sent = {
      method: 'POST',
      path: '/v1/jobs',
      headers: { 'idempotency-key': 'k' },
      body: 'picture',
      onRetry: (error: QuintetError) => retries.push(error.code),
    } as const;
    expect(await requester.json(sent)).toEqual({ id: 'x' });
    expect(retries).toEqual(['connection_failed', 'queue_full']);
    expect(asked).toHaveLength(3);
    for (const [url, init] of asked) {
      expect(url).toBe('http://q/base/v1/jobs');
      expect(init).toMatchObject({ method: 'POST', body: 'picture' });
      expect(init.headers).toMatchObject({ authorization: 'Bearer qk_1', 'idempotency-key': 'k' });
    }
  });

  it('that is refused for good throws the problem', async () => {
    const problem = { type: 't', title: 'Not found', status: 404, code: 'job_not_found', retryable: false };
    const { requester } = scripted(answer(404, problem, { 'x-request-id': 'req-9' }));
    await expect(requester.json({ path: '/' })).rejects.toMatchObject({
      code: 'job_not_found',
      status: 404,
      detail: 'Not found',
      requestId: 'req-9',
      problem,
    });
  });

  it('that a key does not allow is made again with the next key, where there is one', async () => {
    const refused = (status: number, code: string): FetchLikeResponse =>
      answer(status, { type: 't', title: 'No', status, code, retryable: false });
    const { asked, requester, denied } = scripted(
      ...[refused(401, 'api_key_invalid'), answer(200, 1), refused(403, 'scope_missing')],
    );
    expect(await requester.json({ path: '/' })).toBe(1);
    expect(asked.map(([, { headers }]) => headers['authorization'])).toEqual(['Bearer qk_1', 'Bearer qk_2']);
    await expect(requester.open({ path: '/' })).rejects.toMatchObject({ code: 'scope_missing' });
    expect(denied).toEqual(['api_key_invalid', 'scope_missing']);
  });

  it('is not made again at once because of a Retry-After that is no time', async () => {
    const { requester } = scripted(full('1.5'));
    const once = requester.json({ path: '/', retrySeconds: 0 });
    await expect(once).rejects.toMatchObject({ code: 'queue_full', retryAfter: undefined });
  });

  it('says what a strange answer is, and tries it again where its status is one that passes', async () => {
    const page = scripted(answer(200, '<html>'));
    await expect(page.requester.json({ path: '/' })).rejects.toMatchObject({ code: 'answer_unreadable', status: 200 });
    const gateway = scripted(answer(502, '<html>'), answer(200, 1));
    expect(await gateway.requester.json({ path: '/' })).toBe(1);
    const refused = scripted(answer(403, '<html>'));
    await expect(refused.requester.json({ path: '/' })).rejects.toMatchObject({ status: 403, retryable: false });
  });

  it('ends at once with its signal, also while it waits to be made again', async () => {
    const controller = new AbortController();
    const { requester, asked } = scripted(full('15'));
    const onRetry = (): void => {
      controller.abort(new Error('enough'));
    };
    await expect(requester.json({ path: '/', signal: controller.signal, onRetry })).rejects.toThrow('enough');
    expect(asked).toHaveLength(1);
  });

  it('is given up with the last error when its time is over', async () => {
    const { requester } = scripted(full('30'));
    await expect(requester.json({ path: '/' })).rejects.toMatchObject({ code: 'queue_full', retryAfter: 30 });
  });

  it('names why there was no answer', async () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    const { requester } = scripted(new TypeError('fetch failed', { cause }));
    const failed = requester.json({ path: '/', retrySeconds: 0 });
    await expect(failed).rejects.toThrow('http://q/base does not answer: connect ECONNREFUSED 127.0.0.1:1.');
  });
});
