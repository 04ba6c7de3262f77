/** Files for the heat maps of pictures: all in one folder, each named for its picture. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Classified, Quintet } from '../index.js';

/** A file system takes names of 255 bytes, and an ending is to come. */
const longestName = 180;

export class HeatMaps {
  readonly #taken = new Set<string>();

  constructor(
    private readonly client: Quintet,
    private readonly folder: string,
  ) {}

  /** Fetches and writes that of a job; resolves to the path. Throws QuintetError, or what the file system says. */
  async save(name: string, job: Classified, signal: AbortSignal): Promise<string> {
    const png = await this.client.explanation(job.id, { signal });
    const path = join(this.folder, `${this.#free(fileName(name))}.png`);
    await writeFile(path, png);
    return path;
  }

  /** Pictures of one name in two folders are two: the second gets a number. */
  #free(name: string): string {
    let free = name;
    // Some file systems take A and a for the same.
    for (let number = 2; this.#taken.has(free.toLowerCase()); number += 1) free = `${name}-${number}`;
    this.#taken.add(free.toLowerCase());
    return free;
  }
}

/** The end of a path or an address, of characters that every file system takes, and never hidden. */
export function fileName(name: string): string {
  const last = name === '-' ? 'stdin' : (name.split(/[?#]/)[0] ?? '').split(/[/\\]/).findLast((part) => part !== '');
  const safe = (last ?? '').replaceAll(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^[._-]+/, '');
  return safe === '' ? 'picture' : safe.slice(0, longestName);
}
