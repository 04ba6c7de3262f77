import { expect, it } from 'vitest';
import type { Operations } from '../../index.js';
import { operationsTable } from './operations-table.js';

const plain = (text: string): string => text;
const colours = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };
const point = (succeeded: number) => ({ at: '2026-11-25T20:00:00Z', succeeded, failed: 0 });

const idle: Operations = {
  at: '2026-11-25T20:00:00.000Z',
  window_seconds: 60,
  throughput: { per_second: 0, succeeded: 0, failed: 0, canceled: 0, expired: 0, history: [point(0), point(0)] },
  queue: { depth: 0, max_depth: 10_000, by_model: [] },
  latency_ms: {},
  workers: [],
  webhooks: { pending: 0, failed: 0 },
  redis: { used_bytes: 12_300_000 },
};

it('shows an idle service without a worker', () => {
  const lines = operationsTable(idle, colours).split('\n');
  expect(lines).toContain('Throughput  0.0/s  ▁▁  0 succeeded');
  expect(lines).toContain('Queue       0 of 10000');
  expect(lines).toContain('Redis       12 MB');
  expect(lines).toContain('No worker lives.');
});

it('shows a busy one, and nothing raw of what workers call themselves', () => {
  const busy: Operations = {
    ...idle,
    throughput: { ...idle.throughput, per_second: 42.3, succeeded: 2500, failed: 3, history: [0, 4, 8].map(point) },
    queue: { depth: 12, max_depth: 10_000, eta_seconds: 70, by_model: [{ model: 'resnet50', waiting: 12, active: 4 }] },
    latency_ms: { total: { p50: 8.25, p90: 50, p99: 312.4 } },
    workers: [
      {
        id: 'w\x1b[31m1',
        model: { name: 'resnet50', weights: 'demo' },
        device: 'cpu',
        since: '2026-11-25T19:00:00.000Z',
        streams: 2,
        rate: 33.4,
        load: 0.97,
        active: 4,
        memory_bytes: 512_000_000,
      },
    ],
    redis: { used_bytes: 12_300_000, limit_bytes: 1_000_000_000 },
  };
  const text = operationsTable(busy, colours);
  expect(text).toContain('Throughput  42/s  ▁▅█  2500 succeeded, 3 failed');
  expect(text).toContain('12 of 10000, done in about 1 min 10 s');
  expect(text).toMatch(/total +8\.3 +50 +312/);
  expect(text).toMatch(/w\\x1b\[31m1 +resnet50 \(demo\) +cpu +2 +97 % +33\/s +4 +512 MB +1 h 0 min/);
  expect(text).toContain('12 MB of 1000 MB');
});
