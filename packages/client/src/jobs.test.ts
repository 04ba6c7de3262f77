import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Quintet, type FetchLikeInit, type FetchLikeResponse, type Job } from './index.js';

/** What the service answers, one request after another; what it was asked, and how long was waited before. */
let answers: (() => FetchLikeResponse | Promise<FetchLikeResponse>)[];
let asked: { readonly url: string; readonly headers: FetchLikeInit['headers']; readonly at: number }[];

const job = (status: Job['status']): string => JSON.stringify({ id: '1', status });
const streamOf = (...chunks: readonly string[]): Response =>
  new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    }),
  );
const problem = (status: number, code: string, retryable: boolean, headers: Record<string, string> = {}): Response =>
  Response.json({ type: 't', title: 't', status, code, retryable }, { status, headers });
const unreachable = (): Promise<never> => Promise.reject(new TypeError('no network'));

beforeEach(() => {
  answers = [];
  asked = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function watched(signal = new AbortController().signal, retrySeconds = Infinity) {
  const quintet = new Quintet({
    url: 'http://q/below/',
    apiKey: () => 'qk_mine',
    fetch: (url, { headers }) => {
      asked.push({ url, headers, at: performance.now() });
      return Promise.resolve(answers.shift()?.() ?? Promise.reject(new Error('one request too many')));
    },
  });
  const states: string[] = [];
  const outcome = (async () => {
    for await (const { status } of quintet.events('1', { signal, retrySeconds })) states.push(status);
    return 'ended' as const;
  })().catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  return { outcome: await outcome, states };
}

describe('the states of a job', () => {
  it('go on where the stream was cut, with the id that was told last and the key', async () => {
    const [first, second] = [job('queued'), job('succeeded')];
    answers = [
      () => streamOf('retry: 50\n\nid: queued-1\nda', `ta: ${first}\n\n`),
      () => streamOf(`id: a\ndata: ${job('processing')}\n\nid: b\ndata: ${second}\n\nid: never\ndata: ${first}\n\n`),
    ];
    expect(await watched()).toEqual({ outcome: 'ended', states: ['queued', 'processing', 'succeeded'] });
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'queued-1']);
    expect(asked[0]).toMatchObject({
      url: 'http://q/below/v1/jobs/1/events',
      headers: { authorization: 'Bearer qk_mine' },
    });
  });

  it('end on 204', async () => {
    answers = [() => new Response(null, { status: 204 })];
    expect(await watched()).toEqual({ outcome: 'ended', states: [] });
  });

  it('are asked for as long as nobody answers, later each time and when the service says, but not where it refuses', async () => {
    answers = [
      ...Array.from({ length: 40 }, () => unreachable),
      () => problem(503, 'streams_busy', true, { 'Retry-After': '9' }),
      () => problem(404, 'job_not_found', false),
    ];
    expect((await watched()).outcome).toMatchObject({ code: 'job_not_found' });
    const waits = asked.slice(1).map(({ at }, index) => (at - (asked[index]?.at ?? 0)) / 1000);
    const [first = 0, second = 0] = waits;
    expect([first >= 0.125 && first <= 0.26, second >= 0.25 && second <= 0.51]).toEqual([true, true]);
    expect(waits.at(-2)).toBeLessThanOrEqual(8.1);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(9);
  });

  it('are given up where nobody answers for `retrySeconds`', async () => {
    answers = Array.from({ length: 40 }, () => unreachable);
    expect((await watched(undefined, 5)).outcome).toMatchObject({ code: 'connection_failed' });
  });

  it('end with the signal', async () => {
    const stop = new AbortController();
    answers = [
      () => {
        stop.abort(new Error('left'));
        return unreachable();
      },
    ];
    expect((await watched(stop.signal)).outcome).toEqual(new Error('left'));
  });
});
