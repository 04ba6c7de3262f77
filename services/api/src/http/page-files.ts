/**
 * The page (packages/web) as it is served: every file of its build in memory, as it was when this process started.
 *
 * It is small (a test bounds it), so that a build beside a running service changes nothing under it, no path is ever looked up
 * on disk for a request, and an answer costs no read.
 *
 * Why not sirv 3: it reads the file for each request, and a file that a new build has removed ends the process. It also
 * sends br where the client says `br;q=0`, compares If-None-Match as a whole, and serves `.br` files by their names.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

export const pageEncodings = ['br', 'gzip'] as const;
export type PageEncoding = (typeof pageEncodings)[number];

export interface PageFile {
  readonly type: string;
  /** Whether its name says its content, so that it may be kept for ever. */
  readonly immutable: boolean;
  /** Of its content, without quotes; each encoding has a tag of its own. */
  readonly hash: string;
  readonly plain: Buffer;
  /** Only where it is smaller. */
  readonly encoded: Readonly<Partial<Record<PageEncoding, Buffer>>>;
}

/** By path: `/` is the page itself. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
};
const suffixes: Readonly<Record<PageEncoding, string>> = { br: '.br', gzip: '.gz' };

/** Reads the build in `folder`; undefined where there is none. */
export async function loadPage(folder: string): Promise<PageFiles | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  const files = new Map<string, PageFile>();
  for (const entry of entries) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const file = join(entry.parentPath, entry.name);
    const path = `/${relative(folder, file).split(sep).join('/')}`;
    files.set(path === '/index.html' ? '/' : path, await readPageFile(file, type, path.startsWith('/assets/')));
  }
  return files.has('/') ? files : undefined;
}

async function readPageFile(file: string, type: string, immutable: boolean): Promise<PageFile> {
  const plain = await readFile(file);
  const encoded: Partial<Record<PageEncoding, Buffer>> = {};
  for (const encoding of pageEncodings) {
    const bytes = await readFile(`${file}${suffixes[encoding]}`).catch(() => undefined);
    if (bytes !== undefined && bytes.length < plain.length) encoded[encoding] = bytes;
  }
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return { type, immutable, hash, plain, encoded };
}
