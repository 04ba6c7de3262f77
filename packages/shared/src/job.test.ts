import { describe, expect, it } from 'vitest';
import { problem } from './errors.js';
import { jobOptionsSchema, jobSchema, presentJob, type JobRecord } from './job.js';
import { reconnectDelay } from './redis.js';
import { redactUrl } from './log.js';

const record: JobRecord = {
  id: '6f0c2f0e-6a4e-4f5e-9d0a-2f6f6a0c1b1a',
  model: { name: 'resnet50' },
  created_at: '2026-11-24T01:02:03.004Z',
  metadata: { order: '17' },
};

describe('presentJob', () => {
  it('leaves out what does not apply yet', () => {
    expect(presentJob(record, { progress: { status: 'queued' } })).toEqual({
      id: record.id,
      status: 'queued',
      model: { name: 'resnet50' },
      created_at: record.created_at,
      metadata: { order: '17' },
      links: { self: `/v1/jobs/${record.id}`, events: `/v1/jobs/${record.id}/events` },
    });
  });

  it('shows the model that really answered, and fits the published shape', () => {
    const job = presentJob(record, {
      outcome: {
        status: 'succeeded',
        model: { name: 'resnet50', version: 'sha256:ab', weights: 'demo' },
        finished_at: '2026-11-24T01:02:04.000Z',
        predictions: [{ label: 'tench', wnid: 'n01440764', index: 0, score: 1 }],
      },
    });
    expect(jobSchema.parse(job)).toEqual(job);
    expect(job.model.weights).toBe('demo');
  });

  it('carries the problem of a failed job', () => {
    const error = problem('image_undecodable', 'it is noise');
    const job = presentJob(record, { outcome: { status: 'failed', finished_at: record.created_at, error } });
    expect(job.error).toEqual({
      type: 'urn:quintet:error:image_undecodable',
      title: 'The image cannot be decoded',
      status: 422,
      detail: 'it is noise',
      code: 'image_undecodable',
      retryable: false,
    });
  });
});

describe('jobOptionsSchema', () => {
  it('has the defaults of the contract', () => {
    expect(jobOptionsSchema.parse({})).toEqual({ top_k: 5, priority: 0 });
  });
  it.each([
    { top_k: 0 },
    { top_k: 21 },
    { top_k: 2.5 },
    { min_score: 1.1 },
    { priority: 11 },
    { ttl_seconds: 0 },
    { webhook_url: 'ftp://example.com' },
    { webhook_events: [] },
    { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])) },
    { metadata: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, 'é'.repeat(512)])) },
    { metadata: { a: { b: 'nested' } } },
    { model: '../etc' },
    { colour: 'blue' },
  ])('refuses %j', (options) => {
    expect(jobOptionsSchema.safeParse(options).success).toBe(false);
  });
});

describe('reconnectDelay', () => {
  it('grows, is spread, and never exceeds two seconds', () => {
    expect(reconnectDelay(1, () => 0)).toBe(75);
    expect(reconnectDelay(1, () => 1)).toBe(100);
    for (let attempt = 1; attempt < 2000; attempt += 100)
      expect(reconnectDelay(attempt, () => 1)).toBeLessThanOrEqual(1000);
  });
});

describe('redactUrl', () => {
  it('hides who logs in', () => {
    expect(redactUrl('redis://user:secret@host:1/2')).toBe('redis://host:1/2');
  });
});
