/** What the webhook tests share: the compiled service as a process, a receiver that trusts nobody, and the API's and worker's parts. */
import { randomBytes, randomUUID } from 'node:crypto';
import {
  DeliveryLog,
  JobStore,
  Redis,
  classifyQueueName,
  deliveryId,
  keyPrefix,
  webhookQueueName,
  type ClassifyOrder,
  type Delivery,
  type Outcome,
  type WebhookEvent,
} from '@quintet/shared';
import { FlowProducer, Queue, Worker, type Job } from 'bullmq';
import { startReceiver as startReceiverFor, type Receiver } from '../support/receiver.js';
import { startService, type ServiceProcess } from '../support/service-process.js';

export const secret = `whsec_${randomBytes(32).toString('base64')}`;
export const startWebhooks = (url: string, environment: Record<string, string> = {}): Promise<ServiceProcess> =>
  startService('webhooks', { REDIS_URL: url, WEBHOOK_SECRET: secret, ...environment });

export type { Answer, Received } from '../support/receiver.js';
export const startReceiver = (): Promise<Receiver> => startReceiverFor(secret);

export const succeeded = (): Outcome => ({
  status: 'succeeded',
  finished_at: new Date().toISOString(),
  predictions: [{ label: 'golden retriever', wnid: 'n02099601', index: 207, score: 0.93 }],
});

export const newId = (): string => `job-${randomUUID()}`;

/**
 * The API's part (record and flow) and the worker's: it ends jobs as told. Without an outcome its processor throws;
 * `forgotten` is a job whose retention ends with it.
 */
export function startPeers(redisUrl: string) {
  const model = 'test-model';
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const store = new JobStore(redis);
  const log = new DeliveryLog(redis, 60);
  const options = { connection: redis, prefix: keyPrefix };
  const flows = new FlowProducer(options);
  const deliveries = new Queue(webhookQueueName, options);
  const outcomes = new Map<string, Outcome | 'forgotten' | undefined>();
  const worker = new Worker<ClassifyOrder>(
    classifyQueueName(model),
    async ({ data: { id } }) => {
      const outcome = outcomes.get(id);
      if (outcome === undefined) throw new Error('the worker failed without a word');
      if (outcome === 'forgotten') await store.discard(id);
      else await store.finish(id, outcome, 60);
    },
    { ...options, concurrency: 20 },
  );
  // A test that stops Redis means to; without a listener the error would end the test's process.
  const ignore = (): undefined => undefined;
  flows.on('error', ignore);
  deliveries.on('error', ignore);
  worker.on('error', ignore);
  redis.on('error', ignore);
  return {
    redis,
    store,
    log,
    deliveries,
    /** As a client reads it. */
    logged: async (id: string): Promise<Delivery> => {
      const found = await log.read(deliveryId(id));
      if (found === undefined) throw new Error('there is no log of it');
      return found.delivery;
    },
    delivery: async (id: string): Promise<Job> => {
      const job = (await deliveries.getJob(deliveryId(id))) as Job | undefined;
      if (job === undefined) throw new Error('there is no such delivery');
      return job;
    },
    submit: async (
      id: string,
      url: string,
      outcome?: Outcome | 'forgotten',
      events?: WebhookEvent[],
      owner?: string,
    ): Promise<void> => {
      outcomes.set(id, outcome);
      const webhook = { url, ...(events === undefined ? {} : { events }) };
      const created_at = new Date().toISOString();
      const record = { id, model: { name: model }, created_at, metadata: {}, webhook };
      await store.create(owner === undefined ? record : { ...record, owner }, Buffer.from('x'), 600);
      const order: ClassifyOrder = { id, model, top_k: 5, created_ms: Date.now(), request_id: `req-${id}` };
      await flows.add({
        name: 'deliver',
        queueName: webhookQueueName,
        data: { id, request_id: order.request_id },
        opts: { jobId: deliveryId(id), attempts: 40, backoff: { type: 'custom' } },
        children: [
          {
            name: 'classify',
            queueName: classifyQueueName(model),
            data: order,
            opts: { jobId: id, attempts: 1, ignoreDependencyOnFailure: true },
          },
        ],
      });
    },
    stop: async (): Promise<void> => {
      await Promise.all([worker.close(), flows.close(), deliveries.close()]);
      redis.disconnect();
    },
  };
}
