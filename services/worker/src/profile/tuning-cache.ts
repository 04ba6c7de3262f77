/**
 * What tuning found, kept beside the model: `<model>/cache/profile-<digest>.json` and `<model>/cache/prepared-<digest>/`.
 *
 * The digest stands for the machine, the model and the library, which are also written inside, for people. Files are
 * written whole and moved into place. A prepared model is used only if both of its files have the hashes that were noted
 * when it was made: what a crash or a full disk left behind is made again, never loaded.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { sha256File } from '@quintet/models';
import { z } from 'zod';
import { ownVectorInstructions } from '../inference/hardware.js';
import type { Provider } from '../inference/thread-protocol.js';
import { layoutSchema, profileRowSchema } from './layouts.js';

/** The files of a prepared model (prepare.ts). */
export const preparedGraph = 'model.onnx';
export const preparedWeights = 'weights.bin';

/** Everything that makes a measurement or a prepared file unfit for another machine, model or library. */
const machineKeySchema = z.object({
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

const measuredSchema = z.object({ layouts: z.array(layoutSchema), batches: z.array(z.int()) });
/** What a profile was measured over. */
export type Measured = Readonly<z.infer<typeof measuredSchema>>;

const profileFileSchema = measuredSchema.extend({
  key: machineKeySchema,
  measured_at: z.iso.datetime(),
  rows: z.array(profileRowSchema).min(1),
});
export type ProfileFile = Readonly<z.infer<typeof profileFileSchema>>;

const preparedFileSchema = z.object({
  key: machineKeySchema,
  sha256: z.record(z.enum([preparedGraph, preparedWeights]), z.string()),
});
const preparedNote = 'prepared.json';

export class TuningCache {
  /** `folder` need not exist; it is made when something is kept. */
  constructor(
    readonly folder: string,
    readonly key: MachineKey,
  ) {}

  /** The profile of these layouts and batches, if one was kept and can be read. */
  async readProfile(what: Measured): Promise<ProfileFile | undefined> {
    return readJson(this.#profilePath(what), profileFileSchema);
  }

  async writeProfile(file: ProfileFile): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const path = this.#profilePath(file);
    await writeFile(`${path}.${process.pid}`, `${JSON.stringify(file, undefined, 2)}\n`);
    await rename(`${path}.${process.pid}`, path);
  }

  /** Path of the prepared graph, if there is one and it is whole. */
  async readPrepared(): Promise<string | undefined> {
    const folder = this.#preparedFolder();
    const note = await readJson(join(folder, preparedNote), preparedFileSchema);
    if (note === undefined) return undefined;
    for (const [file, expected] of Object.entries(note.sha256)) {
      if ((await hashOf(join(folder, file))) !== expected) return undefined;
    }
    return join(folder, preparedGraph);
  }

  /** An empty folder to prepare a model in. */
  async preparationFolder(): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    return mkdtemp(join(this.folder, '.preparing-'));
  }

  /** Takes over what `prepareModel` wrote into `folder`; returns the path of the graph. */
  async keepPrepared(folder: string): Promise<string> {
    const sha256: Record<string, string> = {};
    for (const file of [preparedGraph, preparedWeights]) {
      const found = await hashOf(join(folder, file));
      // A model without large weights has no second file.
      if (found !== undefined) sha256[file] = found;
    }
    await writeFile(join(folder, preparedNote), `${JSON.stringify({ key: this.key, sha256 }, undefined, 2)}\n`);
    const target = this.#preparedFolder();
    await rm(target, { recursive: true, force: true });
    await rename(folder, target);
    return join(target, preparedGraph);
  }

  #profilePath({ layouts, batches }: Measured): string {
    return join(this.folder, `profile-${digest([this.key, layouts, batches])}.json`);
  }

  #preparedFolder(): string {
    return join(this.folder, `prepared-${digest(this.key)}`);
  }
}

async function hashOf(path: string): Promise<string | undefined> {
  try {
    return await sha256File(path);
  } catch {
    return undefined;
  }
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    const parsed = schema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export interface KeyOptions {
  /** `sha256:…` of the model's file. */
  readonly model: string;
  readonly provider: Provider;
  readonly cores: number;
  readonly exactInt8: boolean;
  /** The tensor that the file is to output behind its own. */
  readonly features: string | undefined;
}

/** This machine, as far as a measurement or a prepared model depends on it. */
export function machineKey({ model, provider, cores, exactInt8, features = '' }: KeyOptions): MachineKey {
  return {
    format: 3,
    model,
    provider,
    cpu: cpus()[0]?.model ?? 'unknown',
    instructions: ownVectorInstructions(),
    gpu: provider === 'cpu' ? '' : gpuModels(),
    cores,
    arch: process.arch,
    onnxruntime: onnxRuntimeVersion(),
    exactInt8,
    features,
  };
}

/** 16 hex digits that stand for `value` in file names. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

function onnxRuntimeVersion(): string {
  const path = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** As NVIDIA's driver names them; empty for others, whose profile is then told apart by the rest. */
function gpuModels(): string {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    return readdirSync(folder)
      .map((gpu) => /^Model:\s*(.+)$/m.exec(readFileSync(join(folder, gpu, 'information'), 'utf8'))?.[1] ?? gpu)
      .join(', ');
  } catch {
    return '';
  }
}
