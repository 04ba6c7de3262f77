/** What the page says, and what it takes for a picture. */
import { describe, expect, it } from 'vitest';
import { ApiError, UnreachableError } from '../api/problem.js';
import { parseRoute } from '../app/router.js';
import { addressesIn, looksLikePicture } from './collect.js';
import { retryDelay } from './failure.js';
import { formatMs, formatScore, formatSeconds, shortVersion } from './format.js';
import { recall, remember } from './resume.js';
import { statusText } from './status-text.js';
import { makeItem, makeJob } from './testing/make.js';
import { phasesOf } from './timing-bar.js';

describe('numbers', () => {
  it('are written for people', () => {
    expect([0.9312, 1, 0.0004, 0.0006, 0].map(formatScore)).toEqual(['93.1 %', '100.0 %', '< 0.1 %', '0.1 %', '0.0 %']);
    expect([0.44, 61.6, 1840, 61_000].map(formatMs)).toEqual(['0.4 ms', '62 ms', '1.8 s', '1 min 1 s']);
    expect([0.4, 59.6, 60, 125].map(formatSeconds)).toEqual(['0.4 s', '60 s', '1 min', '2 min 5 s']);
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
  ])('%o', (state, text) => {
    expect(statusText(makeItem('a', { state }), 1000)).toBe(text);
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
  const problem = { type: 't', title: 'x', status: 503, code: 'queue_full', retryable: true };
  it('waits as long as it was told, else longer each time, for whom it may wait for ever', () => {
    expect(retryDelay(new ApiError(problem, 12), 99)).toBe(12);
    expect([1, 2, 3, 6, 50].map((attempt) => retryDelay(new UnreachableError(undefined), attempt))).toEqual([
      1, 2, 4, 30, 30,
    ]);
  });

  it('ends after some attempts where the service fails, and at once where it refuses', () => {
    const fails = { ...problem, status: 500, code: 'internal_error' };
    expect([retryDelay(new ApiError(fails), 5), retryDelay(new ApiError(fails), 6)]).toEqual([16, undefined]);
    expect(retryDelay(new ApiError({ ...problem, retryable: false }), 1)).toBeUndefined();
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
