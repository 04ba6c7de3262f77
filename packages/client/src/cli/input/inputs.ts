/** What the command line names, as pictures: files, folders, addresses, and standard input. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ImageInput } from '../../index.js';
import { readAll } from '../../node/chunk-list.js';
import { readImageInline } from '../../node/files.js';
import { UsageError } from '../arguments.js';

export interface Input {
  /** As it was named; of a file in a folder, with the folder's name. */
  readonly name: string;
  readonly kind: 'file' | 'url' | 'stdin';
}

/** By their name, files of a folder that the service may read. A file that is named itself is sent whatever its name. */
const extensions: ReadonlySet<string> = new Set(
  'avif bmp gif heic heif jfif jpe jpeg jpg png tif tiff webp'.split(' ').map((extension) => `.${extension}`),
);

/** Not hidden, and with an extension of pictures: an upload or a download under way has another. */
export function isPictureName(name: string): boolean {
  return !name.startsWith('.') && extensions.has(extname(name).toLowerCase());
}

export function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * The pictures in their order: arguments as they are named, folders by name. Only names are kept, some tens of bytes each. A path that
 * does not exist is an input, which fails when it is read. Throws UsageError for an address that is none, or `-` twice.
 */
export async function expandInputs(args: readonly string[], recursive: boolean): Promise<Input[]> {
  if (args.filter((arg) => arg === '-').length > 1) throw new UsageError('standard input, -, can be read once');
  const inputs: Input[] = [];
  for (const arg of args) {
    if (arg === '-') inputs.push({ name: '-', kind: 'stdin' });
    else if (isAddress(arg)) inputs.push({ name: checked(arg), kind: 'url' });
    else if (await isFolder(arg))
      for (const path of await listFolder(arg, recursive)) inputs.push({ name: path, kind: 'file' });
    else inputs.push({ name: arg, kind: 'file' });
  }
  return inputs;
}

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** Paths of the pictures in a folder, by name; links to folders are not followed. */
export async function listFolder(folder: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const paths: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (recursive && !entry.name.startsWith('.')) for (const each of await listFolder(path, true)) paths.push(each);
    } else if (isPictureName(entry.name)) {
      paths.push(path);
    }
  }
  return paths;
}

/** The picture itself, or its address. Rejects with QuintetError `image_unreadable`. */
export async function readInput({ name, kind }: Input, stdin: AsyncIterable<Buffer>): Promise<ImageInput> {
  switch (kind) {
    case 'file':
      return readImageInline(name);
    case 'url':
      return new URL(name);
    case 'stdin':
      return readAll(stdin);
  }
}

function checked(address: string): string {
  if (!URL.canParse(address)) throw new UsageError(`"${address}" is no address`);
  return address;
}
