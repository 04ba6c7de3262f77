/** Pictures out of what was dropped, pasted or chosen: files, whole folders, addresses. */
import { isPictureName } from '@quintet/client';

export interface Collected {
  readonly files: readonly { readonly name: string; readonly blob: Blob }[];
  readonly urls: readonly string[];
  /** Files of a folder that are no pictures by their name. */
  readonly leftOut: number;
}

/** As people count: 2 before 10. */
const byName = new Intl.Collator(undefined, { numeric: true });

/** Whether a file that nobody chose by itself is meant: of a folder, the pictures are, but not drawings that no service decodes. */
export function looksLikePicture({ name, type }: Pick<File, 'name' | 'type'>): boolean {
  if (name.startsWith('.') || type === 'image/svg+xml') return false;
  return type.startsWith('image/') || isPictureName(name);
}

/** What an <input type=file> holds; `isFolder`: chosen as one. Files of a folder are named by their path in it. */
export function fromFiles(list: Iterable<File>, isFolder: boolean): Collected {
  const all = [...list];
  const taken = isFolder ? all.filter(looksLikePicture) : all;
  const files = taken.map((file) => ({ name: file.webkitRelativePath || file.name, blob: file }));
  // A folder comes as the file system has it; several files, as they were chosen.
  if (isFolder) files.sort((a, b) => byName.compare(a.name, b.name));
  return {
    files,
    urls: [],
    leftOut: all.length - taken.length,
  };
}

/** What was dropped or pasted. Reads `transfer` before its first await, since it is empty after the event. */
export async function fromTransfer(transfer: DataTransfer): Promise<Collected> {
  const held = [...transfer.items].filter(({ kind }) => kind === 'file');
  const entries = held.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const text = transfer.getData('text/uri-list') || transfer.getData('text/plain');
  const files: { name: string; blob: Blob }[] = [];
  let leftOut = 0;
  for (const entry of entries) {
    if (entry instanceof File) files.push({ name: entry.name, blob: entry });
    else if (entry?.isFile === true) files.push({ name: entry.name, blob: await fileOf(entry as FileSystemFileEntry) });
    else if (entry?.isDirectory === true) leftOut += await addFolder(entry as FileSystemDirectoryEntry, files);
  }
  return { files, urls: entries.length === 0 ? addressesIn(text) : [], leftOut };
}

/** The http(s) addresses in a text of one per line (text/uri-list has comments, too). */
export function addressesIn(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => /^https?:\/\/\S+$/i.test(line) && URL.canParse(line));
}

/** Adds the pictures of a folder and those below it; returns how many files it left out, unreadable ones among them. */
async function addFolder(folder: FileSystemDirectoryEntry, files: { name: string; blob: Blob }[]): Promise<number> {
  const entries = await entriesOf(folder).catch(() => []);
  entries.sort((a, b) => byName.compare(a.name, b.name));
  let leftOut = 0;
  for (const entry of entries) {
    if (entry.isDirectory) {
      leftOut += await addFolder(entry as FileSystemDirectoryEntry, files);
      continue;
    }
    const blob = await fileOf(entry as FileSystemFileEntry).catch(() => undefined);
    if (blob === undefined || !looksLikePicture(blob)) leftOut += 1;
    else files.push({ name: entry.fullPath.replace(/^\//, ''), blob });
  }
  return leftOut;
}

/** A reader gives a hundred at a time, and none at the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return all;
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => {
    entry.file(resolve, reject);
  });
}
