/**
 * Which workers live and what they serve. Each writes `{quintet}:worker:<id>` with a short expiry, again and again;
 * a worker that dies is gone when its key is. Liveness is Redis's own clock: no host's clock is trusted.
 * The models hash remembers every model that was ever announced, so that a job for it can be accepted while its
 * workers restart; the labels hash, the classes of each.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { classLabelSchema, type ClassLabel } from '../correction.js';
import { modelRefSchema, type ModelRef } from '../job.js';
import { keys } from '../queues.js';

export const heartbeatIntervalMs = 3000;
export const heartbeatTtlMs = 12_000;

/** What a model sees of a picture: pixels of its short side after resizing, and of the side of the square from its middle. */
export const croppingSchema = z.object({ resize: z.int().min(1), crop: z.int().min(1) });

/**
 * A model as workers announce it; workers of an older release leave out what they do not know. `explainable`: whether its answers
 * can be explained.
 */
export const announcedModelSchema = modelRefSchema.extend({
  explainable: z.boolean().optional(),
  preprocess: croppingSchema.optional(),
});
export type AnnouncedModel = z.infer<typeof announcedModelSchema>;

export const workerPresenceSchema = z.object({
  id: z.string(),
  model: announcedModelSchema,
  device: z.string(),
  since: z.iso.datetime(),
  streams: z.int(),
  max_batch_size: z.int(),
  intra_op_threads: z.int().optional(),
  /** Threads of the session for pictures that are alone, where there is one. */
  solo_threads: z.int().optional(),
  /** What the worker measured at its start, for the settings that it runs with. */
  profile: z
    .object({
      optimized_for: z.string(),
      images_per_second: z.number(),
      /** Milliseconds of one batch, by its size. */
      latency_ms: z.record(z.string(), z.number()),
    })
    .optional(),
  /** Images per second that it gets done while it has work; 0 where that is not known yet. */
  rate: z.number().min(0),
  /** How busy it is, as of this heartbeat; workers of an older release do not tell. */
  usage: z
    .object({
      /** Share of the streams that were busy since the heartbeat before. */
      load: z.number().min(0).max(1),
      /** Jobs that it holds. */
      active: z.int().min(0),
      /** Resident memory of the process. */
      memory_bytes: z.int().min(0),
    })
    .optional(),
  /** The model's input and output as float32 tensors, -1 for any number of rows; absent of a worker that takes pictures only. */
  tensors: z
    .object({
      input: z.object({ name: z.string(), shape: z.array(z.int()) }),
      output: z.object({ name: z.string(), shape: z.array(z.int()) }),
    })
    .optional(),
});
export type WorkerPresence = z.infer<typeof workerPresenceSchema>;

/** The classes of a model, as the worker that started last had them. */
export const modelLabelsSchema = z.object({ version: z.string().optional(), labels: z.array(classLabelSchema) });
export type ModelLabels = z.infer<typeof modelLabelsSchema>;

export class Presence {
  constructor(private readonly redis: Redis) {}

  async announce(worker: WorkerPresence): Promise<void> {
    const replies = await this.redis
      .multi()
      .set(keys.worker(worker.id), JSON.stringify(worker), 'PX', heartbeatTtlMs)
      .zadd(keys.workers, 'NX', Date.now(), worker.id)
      .hset(keys.models, worker.model.name, JSON.stringify(worker.model))
      .exec();
    for (const [error] of replies ?? []) if (error) throw error;
  }

  /** Keeps the classes of a model, in place of what was kept. */
  async announceLabels(
    { name, version }: Pick<ModelRef, 'name' | 'version'>,
    labels: readonly ClassLabel[],
  ): Promise<void> {
    await this.redis.hset(keys.labels, name, JSON.stringify({ version, labels }));
  }

  /** Whether the classes of the model `name` are kept. */
  async hasLabels(name: string): Promise<boolean> {
    return (await this.redis.hexists(keys.labels, name)) === 1;
  }

  /** The classes of the model `name`; undefined where no worker has told them. */
  async labels(name: string): Promise<ModelLabels | undefined> {
    const text = await this.redis.hget(keys.labels, name);
    const parsed = text === null ? undefined : modelLabelsSchema.safeParse(JSON.parse(text));
    return parsed?.data;
  }

  async withdraw(id: string): Promise<void> {
    await this.redis.multi().unlink(keys.worker(id)).zrem(keys.workers, id).exec();
  }

  /** The live workers, oldest first; forgets those whose heartbeat has ended. */
  async workers(): Promise<WorkerPresence[]> {
    const ids = await this.redis.zrange(keys.workers, '0', '-1');
    if (ids.length === 0) return [];
    const values = await this.redis.mget(ids.map((id) => keys.worker(id)));
    const dead = ids.filter((_, index) => values[index] === null);
    if (dead.length > 0) await this.redis.zrem(keys.workers, ...dead);
    return values.flatMap((value) => {
      const parsed = value === null ? undefined : workerPresenceSchema.safeParse(JSON.parse(value));
      return parsed?.success ? [parsed.data] : [];
    });
  }

  /** The model that was the default when a worker lived last; undefined where none ever has. */
  async lastDefault(): Promise<string | undefined> {
    return (await this.redis.get(keys.defaultModel)) ?? undefined;
  }

  async rememberDefault(name: string): Promise<void> {
    await this.redis.set(keys.defaultModel, name);
  }

  /** Every model that a worker has announced, alive or not. */
  async models(): Promise<Map<string, AnnouncedModel>> {
    const known = new Map<string, AnnouncedModel>();
    for (const [name, value] of Object.entries(await this.redis.hgetall(keys.models))) {
      const parsed = announcedModelSchema.safeParse(JSON.parse(value));
      if (parsed.success) known.set(name, parsed.data);
    }
    return known;
  }
}
