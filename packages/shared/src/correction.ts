/**
 * What a client says that a picture really shows. It belongs to the job, never to the cached answer, and is kept exactly as long.
 *
 * The text is the client's own. `wnid` and `index` are there where it is a class of the job's model, so that a program can train on
 * it without guessing.
 */
import { z } from 'zod';

/** One class of a model: what outcomes call it, without a score. */
export const classLabelSchema = z.object({ label: z.string(), wnid: z.string(), index: z.int().min(0) });
export type ClassLabel = z.infer<typeof classLabelSchema>;

/** Characters of a label that a client gives, after spaces at its ends are cut. */
export const longestLabel = 200;

/** What a client sends. `index` tells classes of one name apart: ImageNet has two that are called "crane". */
export const correctionRequestSchema = z.strictObject({
  label: z
    .string()
    .trim()
    .normalize()
    .min(1)
    .max(longestLabel)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u),
  index: z.int().min(0).optional(),
});
export type CorrectionRequest = z.infer<typeof correctionRequestSchema>;

export const correctionSchema = z.object({
  label: z.string(),
  wnid: z.string().optional(),
  index: z.int().min(0).optional(),
  at: z.iso.datetime(),
});
export type Correction = z.infer<typeof correctionSchema>;
