import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readEvents } from './event-stream.js';
import { ApiError } from './problem.js';

/** What the service answers, one request after another; the headers that it was sent. */
let answers: (() => Response | Promise<Response>)[];
let sent: Headers[];

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

beforeEach(() => {
  answers = [];
  sent = [];
  vi.stubGlobal('document', { baseURI: 'http://service.example/below/' });
  vi.stubGlobal('window', globalThis);
  vi.stubGlobal('localStorage', { getItem: () => 'qk_mine' });
  vi.stubGlobal('fetch', (address: URL, init: RequestInit) => {
    expect(address.href).toBe('http://service.example/below/v1/jobs/1/events');
    sent.push(new Headers(init.headers));
    const answer = answers.shift();
    if (answer === undefined) throw new Error('one request too many');
    return answer();
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function read(signal = new AbortController().signal) {
  const events: string[] = [];
  const retries: number[] = [];
  const done = readEvents('/v1/jobs/1/events', {
    signal,
    onEvent: ({ id }) => {
      events.push(id);
      return id === 'succeeded' ? 'stop' : undefined;
    },
    onRetry: (seconds) => retries.push(seconds),
  });
  const outcome = done.then(
    () => 'ended',
    (error: unknown) => error,
  );
  await vi.runAllTimersAsync();
  return { outcome: await outcome, events, retries };
}

describe('readEvents', () => {
  it('goes on where it was cut, with the id that it was told last and its key', async () => {
    answers = [
      () => streamOf('retry: 50\n\nid: queued-1\nda', 'ta: 1\n\n'),
      () => streamOf('id: processing\ndata: 2\n\nid: succeeded\ndata: 3\n\nid: never\ndata: 4\n\n'),
    ];
    const { outcome, events } = await read();
    expect([outcome, events]).toEqual(['ended', ['queued-1', 'processing', 'succeeded']]);
    expect(sent.map((headers) => headers.get('Last-Event-ID'))).toEqual([null, 'queued-1']);
    expect(sent[0]?.get('Authorization')).toBe('Bearer qk_mine');
  });

  it('ends on 204', async () => {
    answers = [() => new Response(null, { status: 204 })];
    expect((await read()).outcome).toBe('ended');
  });

  it('waits longer each time while nobody answers, as long as it is told, and not for what is refused', async () => {
    answers = [
      () => Promise.reject(new TypeError('no network')),
      () => Promise.reject(new TypeError('no network')),
      () => problem(503, 'streams_busy', true, { 'Retry-After': '9' }),
      () => problem(404, 'job_not_found', false),
    ];
    const { outcome, retries } = await read();
    expect(outcome).toBeInstanceOf(ApiError);
    const [first = 0, second = 0, third = 0] = retries;
    expect([first >= 1 && first < 1.34, second >= 2 && second < 2.67, third >= 9 && third <= 12]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('stops where it is aborted', async () => {
    const stop = new AbortController();
    answers = [
      () => {
        stop.abort(new Error('left'));
        return Promise.reject(new TypeError('aborted'));
      },
    ];
    expect((await read(stop.signal)).outcome).toEqual(new Error('left'));
  });
});
