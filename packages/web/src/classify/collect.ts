/** Pictures out of what was dropped, pasted or chosen: files, whole folders, addresses. */

export interface Collected {
  readonly files: readonly { readonly name: string; readonly blob: Blob }[];
  readonly urls: readonly string[];
  /** Files of a folder that are no pictures by their name. */
  readonly leftOut: number;
}

const pictureName = /\.(jpe?g|jpe|jfif|png|gif|webp|avif|tiff?|bmp|heic|heif|svg)$/i;

/** Whether a file that nobody chose by itself is meant: of a folder, the pictures are. */
export function looksLikePicture({ name, type }: Pick<File, 'name' | 'type'>): boolean {
  return !name.startsWith('.') && (type.startsWith('image/') || pictureName.test(name));
}

/** What an <input type=file> holds; `isFolder`: chosen as one. */
export function fromFiles(list: Iterable<File>, isFolder: boolean): Collected {
  const all = [...list];
  const taken = isFolder ? all.filter(looksLikePicture) : all;
  return {
    files: taken.map((file) => ({ name: file.name, blob: file })),
    urls: [],
    leftOut: all.length - taken.length,
  };
}

/**
 * What was dropped or pasted. Reads `transfer` before its first await, since it is empty after the event.
 */
export async function fromTransfer(transfer: DataTransfer): Promise<Collected> {
  const entries = [...transfer.items].flatMap((item) =>
    item.kind === 'file' ? [item.webkitGetAsEntry() ?? item.getAsFile()] : [],
  );
  const text = transfer.getData('text/uri-list') || transfer.getData('text/plain');
  const single: File[] = [];
  const within: File[] = [];
  for (const entry of entries) {
    if (entry instanceof File) single.push(entry);
    else if (entry?.isFile === true) single.push(await fileOf(entry as FileSystemFileEntry));
    else if (entry !== null) within.push(...(await filesUnder(entry as FileSystemDirectoryEntry)));
  }
  const chosen = fromFiles(single, false);
  const folder = fromFiles(within, true);
  const files = [...chosen.files, ...folder.files];
  return { files, urls: files.length === 0 && folder.leftOut === 0 ? addressesIn(text) : [], leftOut: folder.leftOut };
}

/** The http(s) addresses in a text of one per line (text/uri-list has comments, too). */
export function addressesIn(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => /^https?:\/\/\S+$/i.test(line));
}

async function filesUnder(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const files: File[] = [];
  const entries = await entriesOf(folder);
  entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  for (const entry of entries) {
    if (entry.isDirectory) files.push(...(await filesUnder(entry as FileSystemDirectoryEntry)));
    else files.push(await fileOf(entry as FileSystemFileEntry));
  }
  return files;
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
