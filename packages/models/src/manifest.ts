import { z } from 'zod';
import { ModelError } from './errors.js';

/** Lower-case letters, digits, `.`, `_`, `-`; no separators, no leading dot: a name is always one folder. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const perChannel = z.tuple([z.number(), z.number(), z.number()]);

/** How a picture becomes the input tensor; the defaults are torchvision's for ImageNet. */
export const Preprocess = z.strictObject({
  /** Length of the short side after resizing, in pixels. */
  resize: z.int().min(1).max(4096).default(256),
  /** Side of the centred square that is cut out, in pixels: height and width of the input. */
  crop: z.int().min(1).max(4096).default(224),
  /** The filter that resizes: Pillow's, bilinear or bicubic (a = −0.5). */
  interpolation: z.enum(['bilinear', 'bicubic']).default('bilinear'),
  /** What workers do; a model that was trained without it would need another resampler, so `false` is refused. */
  antialias: z.literal(true).default(true),
  /** Subtracted from, and then dividing, each channel after it was scaled to 0–1. */
  mean: perChannel.default([0.485, 0.456, 0.406]),
  std: perChannel
    .refine((values) => values.every((value) => value > 0), 'must be positive')
    .default([0.229, 0.224, 0.225]),
  layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
  color: z.enum(['RGB', 'BGR']).default('RGB'),
});
export type Preprocess = z.infer<typeof Preprocess>;

export const DEFAULT_PREPROCESS: Preprocess = Preprocess.parse({});

const Version = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 lower-case hex digits');

/** manifest.json as a person may write it: everything but the braces has a default. */
export const ManifestFile = z
  .strictObject({
    name: z.string().regex(MODEL_NAME).optional(),
    /** `sha256:` and the SHA-256 of the model file in hex; computed where absent. */
    version: Version.optional(),
    weights: z.enum(['pretrained', 'demo']).default('pretrained'),
    file: z.string().regex(FILE_NAME, 'must be a file name without a folder').default('model.onnx'),
    labels: z.string().regex(FILE_NAME, 'must be a file name without a folder').default('labels.tsv'),
    /** Number of classes; labels are checked against it where it stands. */
    classes: z.int().min(1).max(1_000_000).optional(),
    description: z.string().max(1000).default(''),
    license: z.string().max(200).optional(),
    /** Where the model came from. */
    source: z.string().max(2000).optional(),
    /** `sha256:` and the SHA-256 of the checkpoint that the model file was converted from. */
    checkpoint: Version.optional(),
    preprocess: Preprocess.default(DEFAULT_PREPROCESS),
    /** `logits`: softmax is still to be applied; `probabilities`: the model has applied it. */
    outputs: z.enum(['logits', 'probabilities']).default('logits'),
  })
  .describe('manifest.json of a model folder');

/** A loaded model's manifest: name and version are always there. */
export const Manifest = ManifestFile.extend({ name: z.string().regex(MODEL_NAME), version: Version });
export type Manifest = z.infer<typeof Manifest>;

/** Throws ModelError `model_name_invalid` unless `name` is a model name; keeps paths inside the models directory. */
export function assertModelName(name: string): void {
  if (MODEL_NAME.test(name)) return;
  const rule = 'A model name is 1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit';
  throw new ModelError('model_name_invalid', `${JSON.stringify(name.slice(0, 100))} is not a model name. ${rule}.`);
}

/** Parses the text of a manifest.json; throws ModelError `model_manifest_invalid` naming every wrong field. */
export function parseManifestFile(text: string, path: string): z.infer<typeof ManifestFile> {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ModelError('model_manifest_invalid', `${path} is not JSON: ${problem}. Correct it.`, { cause: error });
  }
  const parsed = ManifestFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: at, message }) => `${at.join('.') || 'the document'}: ${message}`);
  throw new ModelError('model_manifest_invalid', `${path} does not fit: ${problems.join('; ')}. Correct these fields.`);
}
