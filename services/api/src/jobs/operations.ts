/** How the service does now (GET /v1/operations), put together from what Redis knows: the same from every API process. */
import {
  finalStatuses,
  latencyPhases,
  modelRefSchema,
  operationsWindowSeconds,
  type DeliveryIndex,
  type EndedJobs,
  type EndedJobsLog,
  type Operations,
} from '@quintet/shared';
import { etaSeconds, servingWorkers, type DrainRates } from './drain-rate.js';
import type { ModelDirectory } from './models.js';
import type { Queues } from './queues.js';

export interface OperationsContext {
  readonly endedJobs: Pick<EndedJobsLog, 'read'>;
  readonly queues: Pick<Queues, 'depth'>;
  readonly models: Pick<ModelDirectory, 'names' | 'workers' | 'defaultModel'>;
  readonly rates: Pick<DrainRates, 'of'>;
  readonly deliveries: Pick<DeliveryIndex, 'count'>;
  /** Bytes that Redis uses, and `maxmemory`; 0: none. */
  readonly memory: () => Promise<{ readonly used: number; readonly limit: number }>;
  /** MAX_QUEUE_DEPTH. */
  readonly maxDepth: number;
}

export async function readOperations(context: OperationsContext): Promise<Operations> {
  const { endedJobs, queues, models, rates, deliveries } = context;
  const queued = async () =>
    Promise.all(
      (await models.names()).map(async (model) => {
        const [depth, rate] = await Promise.all([queues.depth(model), rates.of(model)]);
        return { model, ...depth, rate };
      }),
    );
  const [byDefault, ended, workers, depths, pending, failed, memory] = await Promise.all([
    models.defaultModel(),
    endedJobs.read(),
    models.workers(),
    queued(),
    deliveries.count('pending'),
    deliveries.count('failed'),
    context.memory(),
  ]);
  const { succeeded, failed: notClassified } = ended.counts;
  return {
    at: ended.at.toISOString(),
    window_seconds: operationsWindowSeconds,
    throughput: {
      per_second: toTwoDecimals((succeeded + notClassified) / operationsWindowSeconds),
      ...pick(ended.counts, finalStatuses),
      history: ended.history.map(({ at, counts }) => ({
        at: at.toISOString(),
        ...pick(counts, ['succeeded', 'failed']),
      })),
    },
    queue: queueOf(
      depths.filter(
        ({ model, waiting, active }) =>
          waiting + active > 0 || model === byDefault || servingWorkers(workers, model).length > 0,
      ),
      context.maxDepth,
    ),
    latency_ms: percentilesOf(ended.latencies),
    workers: workers.map(({ id, model, device, since, streams, rate, usage }) => ({
      id,
      model: modelRefSchema.parse(model),
      device,
      since,
      streams,
      rate,
      ...usage,
    })),
    webhooks: { pending, failed },
    redis: { used_bytes: memory.used, ...(memory.limit === 0 ? {} : { limit_bytes: memory.limit }) },
  };
}

type ModelQueue = Operations['queue']['by_model'][number] & { readonly rate: number };

function queueOf(byModel: readonly ModelQueue[], maxDepth: number): Operations['queue'] {
  // Each model has its own workers: who waits longest decides. The last of `waiting` has the others before it.
  const times = byModel.filter(({ waiting }) => waiting > 0).map(({ waiting, rate }) => etaSeconds(waiting - 1, rate));
  const known = times.filter((seconds) => seconds !== undefined);
  return {
    depth: byModel.reduce((sum, { waiting }) => sum + waiting, 0),
    max_depth: maxDepth,
    ...(known.length === times.length ? { eta_seconds: Math.max(0, ...known) } : {}),
    by_model: byModel.map(({ model, waiting, active }) => ({ model, waiting, active })),
  };
}

function percentilesOf(latencies: EndedJobs['latencies']): Operations['latency_ms'] {
  return Object.fromEntries(
    latencyPhases.flatMap((phase) => {
      const [p50, p90, p99] = [0.5, 0.9, 0.99].map((part) => latencies[phase].quantile(part));
      return p50 === undefined || p90 === undefined || p99 === undefined ? [] : [[phase, { p50, p90, p99 }]];
    }),
  );
}

function pick<T, K extends keyof T>(values: T, names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<T, K>;
}

const toTwoDecimals = (value: number): number => Math.round(value * 100) / 100;
