/** How the service does right now, as operators see it (GET /v1/operations): one shape for the page, the command and scripts. */
import { z } from 'zod';
import { modelRefSchema } from './job.js';

/** The seconds that throughput and latencies are of. */
export const operationsWindowSeconds = 60;
/** Of each point of the history. */
export const operationsPointSeconds = 5;

/** The parts of a job's `timing_ms` that percentiles are kept of. */
export const latencyPhases = ['total', 'queue', 'preprocess', 'inference'] as const;
export type LatencyPhase = (typeof latencyPhases)[number];

const count = z.int().min(0);
const timestamp = z.iso.datetime();

/** Milliseconds, each within 2 % (latency-histogram.ts). */
export const percentilesSchema = z.object({ p50: z.number(), p90: z.number(), p99: z.number() });
export type Percentiles = z.infer<typeof percentilesSchema>;

export const operationsSchema = z.object({
  /** On the clock of Redis, as every time here but `since`; the window ends here. */
  at: timestamp,
  window_seconds: z.literal(operationsWindowSeconds),
  /** Jobs that ended within the window. */
  throughput: z.object({
    /** Succeeded and failed ones; the others were not worked on to their end. */
    per_second: z.number().min(0),
    succeeded: count,
    failed: count,
    canceled: count,
    expired: count,
    /** The same window in steps of 5 s, oldest first; `at` is when a step began. */
    history: z.array(z.object({ at: timestamp, succeeded: count, failed: count })),
  }),
  queue: z.object({
    /** Jobs that wait, of all models. */
    depth: count,
    /** Of each model as many may wait (MAX_QUEUE_DEPTH). */
    max_depth: count,
    /** Until what waits has ended, at the rate of the workers that live; absent where the queue of a model stands. */
    eta_seconds: z.number().min(0).optional(),
    /** Models that are served, or that jobs are held for, and the default. */
    by_model: z.array(z.object({ model: z.string(), waiting: count, active: count })),
  }),
  /** Of the jobs that a worker ran and that succeeded within the window, not of answers from the cache; absent where there are none. */
  latency_ms: z.object({
    total: percentilesSchema.optional(),
    queue: percentilesSchema.optional(),
    preprocess: percentilesSchema.optional(),
    inference: percentilesSchema.optional(),
  }),
  /** Those that live, oldest first. */
  workers: z.array(
    z.object({
      id: z.string(),
      model: modelRefSchema,
      device: z.string(),
      /** When it was ready, by its own clock. */
      since: timestamp,
      streams: count,
      /** Images per second that it gets done while it has work; 0 where that is not known yet. */
      rate: z.number().min(0),
      /** Share of the streams that were busy, 0 to 1, in the three seconds before it told. Workers of an older release do not. */
      load: z.number().min(0).max(1).optional(),
      /** Jobs that it holds, those being decoded or waiting for a batch included. */
      active: count.optional(),
      /** Resident memory of its process. */
      memory_bytes: count.optional(),
    }),
  ),
  /** Of all clients: deliveries under way or to be tried again, and those given up within a week. Each is told up to 10 000. */
  webhooks: z.object({ pending: count, failed: count }),
  /** `limit_bytes` is `maxmemory`; absent where there is none. */
  redis: z.object({ used_bytes: count, limit_bytes: count.optional() }),
});
export type Operations = z.infer<typeof operationsSchema>;
