/**
 * All that a model returned for one job, for whoever asked for the numbers and not for labels:
 *
 *   {quintet}:output:<id>  float32 little-endian, one value per class, for `keptSeconds`
 *
 * States: absent → kept (right before the job's end is written, on the same connection) → absent (taken, or too late).
 * Invariant: who learns that the job has succeeded finds its output, unless it was taken or is too late.
 * Trade-off: not a part of the outcome, which goes to every API process and stays as long as the job: 4 kB of numbers would be
 * most of it, and one request alone wants them, now.
 */
import type { Redis } from 'ioredis';
import { keys } from '../queues.js';

/** Whoever asked is told of the end within milliseconds, or by its next look, two seconds later. */
const keptSeconds = 60;

export class OutputStore {
  constructor(private readonly redis: Redis) {}

  /** Keeps the values for the job `id`. To be called before the job is ended. */
  async keep(id: string, values: Float32Array): Promise<void> {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    await this.redis.set(keys.output(id), bytes, 'EX', keptSeconds);
  }

  /** The values of the job `id`, which are forgotten; undefined where there are none. */
  async take(id: string): Promise<Float32Array | undefined> {
    const [bytes] = await Promise.all([this.redis.getBuffer(keys.output(id)), this.redis.unlink(keys.output(id))]);
    if (bytes === null) return undefined;
    // Copied: a Float32Array needs its bytes at a multiple of four.
    return new Float32Array(new Uint8Array(bytes).buffer);
  }
}
