/** The pictures of a folder, and what their names say of them. */
import { readdir } from 'node:fs/promises';
import { UsageError } from './command-line.js';

/**
 * Names of the files in `folder`, sorted, without hidden ones and without what is in folders below. What is no picture is
 * found out when it is decoded. Throws UsageError where there is no such folder.
 */
export async function listPictures(command: string, folder: string, limit: number | undefined): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
    return names.sort().slice(0, limit);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${command}: the folder ${folder} cannot be read (${reason}).`, { cause: error });
  }
}

/** `n01440764_tench.JPEG` → `n01440764`: ImageNet's files begin with the WordNet id of what they show. */
export function wnidOf(file: string): string | undefined {
  return /^(n\d{8})_/.exec(file)?.[1];
}
