import { QuintetError, type Job } from '@quintet/client';
import { describe, expect, it, vi } from 'vitest';
import { ItemStore } from './store.js';
import { makeItem, makeJob } from './testing/make.js';
import { Uploads, type Submission, type UploadOptions } from './uploads.js';

const full = (retryAfter: number): QuintetError =>
  new QuintetError('queue_full', 'The queue is full', { status: 503, retryable: true, retryAfter });
const refused = new QuintetError('image_format_unsupported', 'No picture', { status: 415 });

/** A service whose answers the test gives, one by one. */
function service() {
  const open: { key: string; answer: (job: Job) => void; fail: (error: unknown) => void; options: UploadOptions }[] =
    [];
  const store = new ItemStore(
    (flush) => {
      queueMicrotask(flush);
    },
    () => 0,
  );
  const jobs: string[] = [];
  const uploads = new Uploads({
    store,
    now: () => 1000,
    onJob: (item, job) => {
      jobs.push(item);
      store.update(item, { state: { kind: 'job', job } });
    },
    upload: ({ idempotencyKey }: Submission, options) =>
      new Promise((answer, fail) => {
        open.push({ key: idempotencyKey, answer, fail, options });
        options.signal.addEventListener('abort', () => {
          fail(options.signal.reason as Error);
        });
      }),
  });
  const add = (...ids: string[]): void => {
    for (const id of ids) {
      store.add(makeItem(id));
      uploads.add(makeItem(id), `key-${id}`);
    }
  };
  const keys = (): string[] => open.map(({ key }) => key);
  const state = (id: string) => store.get(id)?.state;
  return { open, store, jobs, uploads, add, keys, state };
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Uploads', () => {
  it('has three on their way, and sends the next when one is there', async () => {
    const { add, open, keys, jobs, state } = service();
    add('a', 'b', 'c', 'd', 'e');
    expect(keys()).toEqual(['key-a', 'key-b', 'key-c']);
    open[1]?.options.onProgress?.(0.5);
    expect(state('b')).toEqual({ kind: 'uploading', fraction: 0.5 });
    expect(state('d')).toEqual({ kind: 'waiting' });
    open[1]?.answer(makeJob('1'));
    await settle();
    expect([jobs, keys().at(-1), open.length]).toEqual([['b'], 'key-d', 4]);
  });

  it('waits as long as a full service says, then asks with one, by the same key, before the others go on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { add, open, keys, state } = service();
      add('a', 'b', 'c', 'd', 'e');
      for (const { fail } of open.slice(0, 3)) fail(full(7));
      await settle();
      expect(state('a')).toMatchObject({ kind: 'pausing', until: 8000, failure: { code: 'queue_full' } });
      expect(open).toHaveLength(3);
      await vi.advanceTimersByTimeAsync(6900);
      expect(open).toHaveLength(3);
      await vi.advanceTimersByTimeAsync(200);
      expect(open).toHaveLength(4);
      open[3]?.answer(makeJob('1'));
      await settle();
      expect(keys().slice(3)).toHaveLength(4);
      expect(new Set(keys()).size).toBe(4);
    } finally {
      vi.useRealTimers();
    }
  });

  it('does not wait any longer when the service is back', async () => {
    const { add, open, uploads } = service();
    add('a');
    open[0]?.fail(new QuintetError('connection_failed', 'No answer', { retryable: true }));
    await settle();
    expect(open).toHaveLength(1);
    uploads.openGate();
    await settle();
    expect(open).toHaveLength(2);
  });

  it('gives up what is refused for good, and goes on with the others', async () => {
    const { add, open, state, jobs, uploads } = service();
    add('a', 'b');
    open[0]?.fail(refused);
    open[1]?.answer(makeJob('1'));
    await settle();
    expect(state('a')).toMatchObject({ kind: 'failed', failure: { code: 'image_format_unsupported' } });
    expect([jobs, uploads.pending]).toEqual([['b'], 0]);
  });

  it('cancels what waits, what is on its way, and what is put off', async () => {
    const { add, open, uploads, keys } = service();
    add('a', 'b', 'c', 'd', 'e');
    expect([uploads.cancel('d'), uploads.cancel('a'), uploads.cancel('nothing')]).toEqual([true, true, false]);
    await settle();
    expect(open[0]?.options.signal.aborted).toBe(true);
    expect(keys()).toEqual(['key-a', 'key-b', 'key-c', 'key-e']);
    open[1]?.fail(full(60));
    await settle();
    for (const id of ['b', 'c', 'e']) expect(uploads.cancel(id)).toBe(true);
    expect(uploads.pending).toBe(0);
    // Nothing is left behind the gate: what comes next is sent at once.
    await settle();
    add('f');
    expect(keys().at(-1)).toBe('key-f');
  });
});
