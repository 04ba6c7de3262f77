/** Why a picture was classified as it was: which places of it spoke for the most likely class. */
import { z } from 'zod';

const fraction = z.number().min(0).max(1);

/** A rectangle of the picture as it is seen, orientation applied, in fractions of its width and height. */
export const regionSchema = z.object({ left: fraction, top: fraction, width: fraction, height: fraction });
export type Region = z.infer<typeof regionSchema>;

/** What a heat map shows; the map itself is at the job's `links.explanation`. */
export const explanationSchema = z.object({
  /** The class that it explains, the most likely one. */
  label: z.string(),
  wnid: z.string(),
  index: z.int().min(0),
  /** Places that the model tells apart: one number each, of which the heat map is interpolated. */
  rows: z.int().min(1),
  columns: z.int().min(1),
  /** The part of the picture that the map covers: what the model saw. */
  region: regionSchema,
});
export type Explanation = z.infer<typeof explanationSchema>;

/** An explanation with its heat map, a PNG of a few kilobytes. */
export interface Explained {
  readonly explanation: Explanation;
  readonly png: Uint8Array;
}
