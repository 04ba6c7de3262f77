/**
 * What tuning found, kept beside the model: `<model>/cache/profile-<digest>.json` and `<model>/cache/prepared-<digest>/`.
 *
 * The digest stands for the machine, the model and the library, which are also written inside, for people. Files are
 * written whole and moved into place. A prepared model is used only if both of its files have the hashes that were noted
 * when it was made: what a crash or a full disk left behind is made again, never loaded.
 */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256File } from '@quintet/models';
import { z } from 'zod';
import { digest } from './machine-key.js';
import { preparedGraph, preparedWeights } from './prepare.js';
import { machineKeySchema, profileFileSchema, type MachineKey, type ProfileFile } from './profile.js';

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
  async readProfile(what: Pick<ProfileFile, 'layouts' | 'batches'>): Promise<ProfileFile | undefined> {
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

  #profilePath({ layouts, batches }: Pick<ProfileFile, 'layouts' | 'batches'>): string {
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
