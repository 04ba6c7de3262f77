/** What the command line names, as pictures: files, folders, addresses, and standard input. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isPictureName, type ImageInput } from '../../index.js';
import { readAll } from '../../node/chunk-list.js';
import { empty, kindOf, readImageInline } from '../../node/files.js';
import { UsageError } from '../arguments.js';
import type { Terminal } from '../output/terminal.js';

export interface Input {
  /** As it was named; of a file in a folder, with the folder's name. */
  readonly name: string;
  readonly kind: 'file' | 'url' | 'stdin';
}

/** Told of what has a picture's name in a folder and is none, such as a named pipe, and what it is. */
export type OnSkipped = (path: string, kind: string) => void;

/** Tells them on standard error, a line each. */
export function skippedTo(terminal: Pick<Terminal, 'complain'>): OnSkipped {
  return (path, kind) => {
    terminal.complain(`${path}: skipped, as it is ${kind}`);
  };
}

export function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * The pictures in their order: arguments as they are named, folders by name. A file that is named itself is one whatever its name, and
 * may be a named pipe. Only names are kept, some tens of bytes each. A path that does not exist is an input, which fails when it is
 * read. Throws UsageError for an address that is none, or `-` twice.
 */
export async function expandInputs(
  args: readonly string[],
  recursive: boolean,
  onSkipped: OnSkipped,
): Promise<Input[]> {
  if (args.filter((arg) => arg === '-').length > 1) throw new UsageError('standard input, -, can be read once');
  const inputs: Input[] = [];
  for (const arg of args) {
    if (arg === '-') inputs.push({ name: '-', kind: 'stdin' });
    else if (isAddress(arg)) inputs.push({ name: checked(arg), kind: 'url' });
    else if (await isFolder(arg))
      for (const path of await listFolder(arg, recursive, onSkipped)) inputs.push({ name: path, kind: 'file' });
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

/**
 * Paths of the pictures in a folder, by name. Links to files are followed; links to folders are not, as they may lead back. A link
 * that leads nowhere is among them, and fails when it is read.
 */
export async function listFolder(folder: string, recursive: boolean, onSkipped: OnSkipped): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const paths: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (recursive && !entry.name.startsWith('.'))
        for (const each of await listFolder(path, true, onSkipped)) paths.push(each);
    } else if (isPictureName(entry.name)) {
      const kind = entry.isFile() ? undefined : await targetOf(path);
      if (kind === undefined) paths.push(path);
      else onSkipped(path, kind);
    }
  }
  return paths;
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return kindOf(await stat(path));
  } catch {
    return undefined;
  }
}

/** The picture itself, or its address. Rejects with QuintetError `image_unreadable` or `image_empty`. */
export async function readInput(
  { name, kind }: Input,
  stdin: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<ImageInput> {
  switch (kind) {
    case 'file':
      return readImageInline(name, { signal });
    case 'url':
      return new URL(name);
    case 'stdin': {
      const bytes = await readAll(stdin);
      if (bytes.length === 0) throw empty();
      return bytes;
    }
  }
}

function checked(address: string): string {
  if (!URL.canParse(address)) throw new UsageError(`"${address}" is no address`);
  return address;
}
