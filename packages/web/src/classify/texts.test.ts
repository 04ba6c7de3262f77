/** What the page says, and what it takes for a picture. */
import { QuintetError, type Job } from '@quintet/client';
import { describe, expect, it } from 'vitest';
import { retryDelay, toFailure } from '../api/failure.js';
import { parseRoute } from '../app/router.js';
import { addressesIn, looksLikePicture } from './collect.js';
import { phasesOf } from './facts.js';
import { formatMs, formatSeconds, shortVersion } from './format.js';
import { isContradicted, unservedModels } from './model-bar.js';
import { recall, remember } from './resume.js';
import type { ServedModel } from './served.js';
import { makeItem, makeJob } from './testing/make.js';
import { batchTitle, itemTitle, statusText } from './texts.js';

describe('numbers', () => {
  it('are written for people', () => {
    expect([0.44, 61.6, 1840, 61_000].map(formatMs)).toEqual(['0.4 ms', '62 ms', '1.8 s', '1 min 1 s']);
    expect([0.4, 7, 59.6, 60, 125].map(formatSeconds)).toEqual(['0.4 s', '7 s', '60 s', '1 min', '2 min 5 s']);
    expect(shortVersion('sha256:83530ad811bc31d2')).toBe('83530ad8');
  });
});

describe('statusText', () => {
  it.each([
    [{ kind: 'uploading', fraction: 0.404 } as const, 'Sending · 40 %'],
    [
      { kind: 'job', job: makeJob('1', { queue: { position: 3, eta_seconds: 0.44 } }) } as const,
      'In the queue · 3 before it · about 0.4 s',
    ],
    [{ kind: 'job', job: makeJob('1', { queue: { position: 0 } }) } as const, 'Next in the queue'],
    [{ kind: 'job', job: makeJob('1', { status: 'processing' }) } as const, 'Being classified'],
    [
      { kind: 'pausing', until: 8000, failure: { code: 'queue_full', title: '', retryable: true } } as const,
      'Trying again in 7 s',
    ],
    [
      { kind: 'pausing', until: 1000, failure: { code: 'queue_full', title: '', retryable: true } } as const,
      'Trying again',
    ],
    // It is sent, and not accepted yet.
    [{ kind: 'uploading', fraction: 1 } as const, 'Sent · waiting for the answer'],
    [{ kind: 'uploading', fraction: 0.997 } as const, 'Sending · 99 %'],
  ])('%o', (state, text) => {
    expect(statusText(makeItem('a', { state }), 1000)).toBe(text);
  });

  it('counts an estimate down, and tells none that has run out', () => {
    const state = { kind: 'job', job: makeJob('1', { queue: { position: 0, eta_seconds: 2.5 } }) } as const;
    const item = makeItem('a', { state, stateAt: 1000 });
    expect(statusText(item, 2000)).toBe('Next in the queue · about 1.5 s');
    expect(statusText(item, 3500)).toBe('Next in the queue');
  });

  it('is the silence of a service that does not answer, for what waits for it only', () => {
    const waitsFor = [
      { kind: 'uploading', fraction: 1 } as const,
      { kind: 'job', job: makeJob('1', { status: 'processing' }) } as const,
    ];
    for (const state of waitsFor) expect(statusText(makeItem('a', { state }), 0, 12)).toBe('No answer for 12 s');
    const done = { kind: 'job', job: makeJob('1', { status: 'succeeded' }) } as const;
    expect(statusText(makeItem('a', { state: done }), 0, 12)).toBe('Done');
  });
});

describe('the models that no worker serves', () => {
  const worker = { id: 'w', device: 'cpu', since: '2026-01-01T00:00:00.000Z', streams: 1, max_batch_size: 8 };
  const models: Record<string, ServedModel> = {
    alive: { name: 'alive', explainable: false, workers: [worker] },
    dead: { name: 'dead', explainable: false, workers: [] },
  };
  const served = { find: (name?: string) => models[name ?? 'dead'] };
  const having = (change: Partial<Job>) =>
    makeItem('a', { state: { kind: 'job', job: makeJob('1', { model: { name: 'dead' }, ...change }) } });

  it('are named where a picture waits for one, or the next would', () => {
    expect(unservedModels(served, undefined, [])).toEqual(['dead']);
    expect(unservedModels(served, 'alive', [])).toEqual([]);
    expect(unservedModels(served, 'alive', [makeItem('a'), having({ status: 'queued' })])).toEqual(['dead']);
  });

  it('are not named above a result, nor while one is being made: the list is older then', () => {
    for (const status of ['processing', 'succeeded'] as const) {
      expect(unservedModels(served, undefined, [having({ status })])).toEqual([]);
      expect(isContradicted(served, [having({ status })])).toBe(true);
    }
    expect(isContradicted(served, [having({ status: 'queued' })])).toBe(false);
  });
});

describe('the title', () => {
  const item = (change: Partial<Job>) => makeItem('a', { state: { kind: 'job', job: makeJob('1', change) } });
  const answered = (label: string, score: number) =>
    item({ status: 'succeeded', predictions: [{ label, score, wnid: 'n', index: 0 }] });

  it('says how one picture is getting on, then its answer', () => {
    const items = [
      makeItem('a'),
      item({ status: 'processing' }),
      makeItem('a', { state: { kind: 'failed', failure: { code: 'x', title: 'x', retryable: false } } }),
      makeItem('a', { state: { kind: 'canceled' } }),
      answered('wall clock', 0.687),
      answered('wall clock', 0.9997),
      answered('shield', 0.12),
    ];
    expect(items.map((each) => itemTitle(each, false))).toEqual([
      ...['Classifying…', 'Classifying…', 'Did not work', 'Canceled', 'wall clock 69 %', 'wall clock 99 %'],
      'Not sure; closest: shield 12 %',
    ]);
    expect(itemTitle(item({ status: 'processing' }), true)).toBe('No answer');
  });

  it('counts many', () => {
    const progress = { total: 30, done: 12, succeeded: 12, failed: 0, canceled: 0 };
    expect(batchTitle(progress, false)).toBe('12 of 30 done');
    expect(batchTitle({ ...progress, done: 30, succeeded: 28, failed: 2 }, false)).toBe('28 of 30 done, 2 failed');
  });
});

describe('what is a picture', () => {
  it('goes by type or name, in a folder', () => {
    const taken = ['a.JPG', 'b.heic', 'c.tiff', 'd.txt', '.hidden.png', 'Thumbs.db', 'e'].filter((name) =>
      looksLikePicture({ name, type: '' }),
    );
    expect(taken).toEqual(['a.JPG', 'b.heic', 'c.tiff']);
    expect(looksLikePicture({ name: 'e', type: 'image/webp' })).toBe(true);
  });

  it('may be an address', () => {
    expect(
      addressesIn('# a list\r\nhttps://example.com/a.jpg\nftp://example.com\nhttp://b.example/x y\nHTTP://c.example/'),
    ).toEqual(['https://example.com/a.jpg', 'HTTP://c.example/']);
  });
});

describe('retryDelay', () => {
  const full = new QuintetError('queue_full', 'x', { status: 503, retryable: true, retryAfter: 12 });
  const unreachable = new QuintetError('connection_failed', 'x', { retryable: true });
  it('waits as long as it was told, else longer each time, for whom it may wait for ever', () => {
    expect(retryDelay(full, 99)).toBe(12);
    expect([1, 2, 3, 6, 50].map((attempt) => retryDelay(unreachable, attempt))).toEqual([1, 2, 4, 30, 30]);
  });

  it('ends after some attempts where the service fails, and at once where it refuses', () => {
    const fails = new QuintetError('internal_error', 'x', { status: 500, retryable: true });
    expect([retryDelay(fails, 5), retryDelay(fails, 6)]).toEqual([16, undefined]);
    expect(retryDelay(new QuintetError('queue_full', 'x', { status: 503 }), 1)).toBeUndefined();
    expect(retryDelay(new TypeError('a bug'), 1)).toBeUndefined();
  });
});

describe('toFailure', () => {
  it.each([
    [502, true, 'Something between here and the service failed'],
    [500, false, 'Something between here and the service failed'],
    [403, false, 'The request was refused on its way'],
  ])('names an answer %i of something in between', (status, retryable, title) => {
    const error = new QuintetError('answer_unreadable', 'no problem document', { status, retryable });
    expect(toFailure(error)).toEqual({ code: `http_${status}`, title, retryable });
  });

  it('is the problem of the service, no answer, a picture that cannot be read, or a fault of the page', () => {
    const problem = { type: 't', title: 'x', status: 503, code: 'queue_full', retryable: true } as const;
    const failures = [
      new QuintetError('queue_full', 'x', { problem }),
      new QuintetError('connection_failed', 'x', { retryable: true }),
      new QuintetError('image_unreadable', 'It is gone.'),
      new QuintetError('answer_unreadable', 'no JSON', { status: 200 }),
      new TypeError('a bug'),
    ].map(toFailure);
    expect(failures[0]).toBe(problem);
    expect(failures.slice(1).map(({ code, retryable }) => [code, retryable])).toEqual([
      ...[
        ['unreachable', true],
        ['image_unreadable', false],
        ['page_error', false],
        ['page_error', false],
      ],
    ]);
  });
});

describe('phasesOf', () => {
  it('has every phase, and what is between them where it counts', () => {
    const timing = { queue: 4, fetch: 0.4, preprocess: 5, batch_wait: 0, inference: 51 };
    expect(phasesOf({ ...timing, total: 62.4 }).map(({ name, ms }) => `${name} ${ms.toFixed(1)}`)).toEqual([
      ...['queue 4.0', 'fetch 0.4', 'decode and resize 5.0', 'batch 0.0', 'inference 51.0', 'between 2.0'],
    ]);
    expect(phasesOf({ ...timing, total: 60.4 })).toHaveLength(5);
  });
});

describe('a run that is loaded again', () => {
  it('has its jobs, and knows how many pictures it has lost', () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    };
    const job = makeJob('1');
    remember(storage, [
      makeItem('a', { state: { kind: 'job', job } }),
      makeItem('b'),
      makeItem('c', { state: { kind: 'canceled' } }),
    ]);
    expect(recall(storage)).toEqual({ jobs: [{ item: 'a', name: 'a.jpg', job, explain: false }], unsent: 1 });
    remember(storage, []);
    expect(recall(storage)).toBeUndefined();
    kept.set('quintet.run', '{"jobs":');
    expect(recall(storage)).toBeUndefined();
  });
});

describe('parseRoute', () => {
  const id = '01234567-89ab-cdef-0123-456789abcdef';
  it.each([
    ['', { view: 'classify' }],
    ['#/', { view: 'classify' }],
    ['#/operations', { view: 'operations' }],
    [`#/jobs/${id}`, { view: 'job', id }],
    // A link that was cut: the service says so.
    ['#/jobs/0123', { view: 'job', id: '0123' }],
    ['#/jobs/1/2', { view: 'classify' }],
  ])('%s', (hash, route) => {
    expect(parseRoute(hash)).toEqual(route);
  });
});
