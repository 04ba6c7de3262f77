/**
 * Pictures that come into folders, each once it is complete.
 *
 * A file is unseen → growing → complete (yielded), and growing again when it is written anew. It is complete when two looks, `intervalMs` apart,
 * find the same size, not zero, and the same time of change; a file that is renamed into its place, as careful writers do, is so
 * at its second look. The trade-off: what is written with longer pauses is taken too early, fails as a truncated picture, and is taken again
 * when it has changed. Folders are looked at in every interval instead of being notified of: notifications do not come from network
 * drives, and a look at a folder of 10 000 files takes some 20 ms.
 */
import { stat } from 'node:fs/promises';
import { sleep } from '../../http/abortable.js';
import { listFolder, type OnSkipped } from './inputs.js';

export interface WatchFolderOptions {
  readonly recursive: boolean;
  readonly intervalMs: number;
  /** Once for each, while it is there. */
  readonly onSkipped: OnSkipped;
  /** Ends the watching, without an error. */
  readonly signal: AbortSignal;
}

interface Look {
  readonly size: number;
  readonly changed: number;
  yielded: boolean;
}

/** Yields paths, those that are there already first and by name. Throws where a folder cannot be read at the first look. */
export async function* watchFolders(
  folders: readonly string[],
  { recursive, intervalMs, signal, onSkipped }: WatchFolderOptions,
): AsyncGenerator<string, void, undefined> {
  let looks = new Map<string, Look>();
  let skipped = new Set<string>();
  for (let first = true; !signal.aborted; first = false) {
    const next = new Map<string, Look>();
    const stillSkipped = new Set<string>();
    for (const folder of folders) {
      // A folder may go and come back, as a drive does.
      const listed = listFolder(folder, recursive, (path, kind) => {
        const key = `${kind} ${path}`;
        if (!skipped.has(key)) onSkipped(path, kind);
        stillSkipped.add(key);
      });
      const paths = first ? await listed : await listed.catch(() => []);
      for (const path of paths) {
        const look = await lookAt(path);
        if (look === undefined || look.size === 0) continue;
        const before = looks.get(path);
        const same = before?.size === look.size && before.changed === look.changed;
        next.set(path, { ...look, yielded: same && before.yielded });
      }
    }
    for (const [path, look] of next) {
      const before = looks.get(path);
      if (look.yielded || before?.size !== look.size || before.changed !== look.changed) continue;
      look.yielded = true;
      yield path;
    }
    looks = next;
    skipped = stillSkipped;
    await sleep(intervalMs, signal).catch(() => undefined);
  }
}

async function lookAt(path: string): Promise<Look | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { size, changed: mtimeMs, yielded: false };
  } catch {
    return undefined; // It has gone since.
  }
}
