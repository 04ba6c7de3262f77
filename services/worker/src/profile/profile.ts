/** The words of profiling: what is measured, on what, and how it is kept. */
import { z } from 'zod';

/** So many sessions beside each other, each with so many threads. */
export const layoutSchema = z.object({ streams: z.int().min(1), intraOpThreads: z.int().min(1) });
export type Layout = Readonly<z.infer<typeof layoutSchema>>;

/** What one layout does with batches of one size, all its streams busy. */
export const profileRowSchema = layoutSchema.extend({
  batch: z.int().min(1),
  /** Time of one batch, normalisation included: the lower quartile of what was measured. */
  latencyMs: z.number().positive(),
  /** Of all streams together. */
  imagesPerSecond: z.number().positive(),
});
export type ProfileRow = Readonly<z.infer<typeof profileRowSchema>>;

/** Everything that makes a measurement or a prepared file unfit for another machine, model or library. */
export const machineKeySchema = z.object({
  format: z.literal(3),
  model: z.string(),
  provider: z.string(),
  cpu: z.string(),
  /** Vector instructions: a model name alone does not tell them. */
  instructions: z.string(),
  gpu: z.string(),
  cores: z.int(),
  arch: z.string(),
  onnxruntime: z.string(),
  exactInt8: z.boolean(),
  /** The tensor that it outputs behind its own; empty where there is none. */
  features: z.string(),
});
export type MachineKey = Readonly<z.infer<typeof machineKeySchema>>;

export const profileFileSchema = z.object({
  key: machineKeySchema,
  layouts: z.array(layoutSchema),
  batches: z.array(z.int()),
  measured_at: z.iso.datetime(),
  rows: z.array(profileRowSchema).min(1),
});
export type ProfileFile = Readonly<z.infer<typeof profileFileSchema>>;

export const layoutText = ({ streams, intraOpThreads }: Layout): string =>
  `${streams} × ${intraOpThreads} ${intraOpThreads === 1 ? 'thread' : 'threads'}`;
