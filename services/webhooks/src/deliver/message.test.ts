import { createLogger, webhookBodySchema, type JobRecord, type Outcome } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { composeBody, maxBodyBytes } from './message.js';

const logger = createLogger('test', 'silent');
const record: JobRecord = {
  id: 'j1',
  model: { name: 'resnet50' },
  created_at: '2026-11-24T02:00:00.000Z',
  metadata: { order: '7' },
  webhook: { url: 'https://example.com/hook' },
};
const outcome: Outcome = {
  status: 'succeeded',
  finished_at: '2026-11-24T02:00:01.000Z',
  predictions: [{ label: 'golden retriever', wnid: 'n02099601', index: 207, score: 0.93 }],
};

describe('composeBody', () => {
  it('is the event, its time and the job, and nothing of the webhook itself', () => {
    const body = composeBody({ record, outcome }, logger);
    expect(webhookBodySchema.parse(JSON.parse(body))).toEqual({
      type: 'job.succeeded',
      timestamp: '2026-11-24T02:00:01.000Z',
      data: {
        id: 'j1',
        status: 'succeeded',
        model: { name: 'resnet50' },
        created_at: '2026-11-24T02:00:00.000Z',
        finished_at: '2026-11-24T02:00:01.000Z',
        predictions: outcome.predictions,
        metadata: { order: '7' },
        links: { self: '/v1/jobs/j1', events: '/v1/jobs/j1/events' },
      },
    });
    expect(body).not.toContain('example.com');
  });

  it('stays under 20 kB with the longest metadata that is allowed', () => {
    const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`key${n}`, '\u20ac'.repeat(512)]));
    const body = composeBody({ record: { ...record, metadata }, outcome }, logger);
    expect(Buffer.byteLength(body)).toBeLessThan(maxBodyBytes);
    expect(webhookBodySchema.parse(JSON.parse(body)).data).toMatchObject({ metadata: {}, status: 'succeeded' });
  });
});
