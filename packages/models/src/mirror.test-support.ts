import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { CatalogueEntry } from './catalogue.js';
import type { EnsureModelOptions } from './ensure-model.js';
import { DEFAULT_PREPROCESS } from './load-model.js';
import type { Log } from './progress.js';

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'quintet-models-'));
  onTestFinished(async () => {
    await rm(dir, { recursive: true, force: true });
  });
  return dir;
}

export interface Mirror {
  readonly url: string;
  /** The Range header of each request, in order; null where there was none. */
  readonly ranges: (string | null)[];
}

/** A real HTTP server on a free port, closed after the test. `answer` gets the number of the request, from 0. */
export async function startMirror(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<Mirror> {
  const ranges: (string | null)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? null);
    answer(request, response, ranges.length - 1);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror`, ranges };
}

/** Answers as a file server does: Range, If-Range, ETag. */
export function serveFile(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const etag = `"${createHash('md5').update(content).digest('hex')}"`;
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const ifRange = request.headers['if-range'];
  const start = match !== null && (ifRange === undefined || ifRange === etag) ? Number(match[1]) : 0;
  if (start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const body = content.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    etag,
    'content-length': body.length,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
  });
  response.end(body);
}

/** A catalogue entry for some random bytes that stand for a model. */
export function fakeEntry(content: Buffer, sources: readonly string[] = [], name = 'tiny'): CatalogueEntry {
  return {
    name,
    file: `${name}-1.onnx`,
    sha256: createHash('sha256').update(content).digest('hex'),
    bytes: content.length,
    weights: 'pretrained',
    description: 'random bytes',
    license: 'CC0-1.0',
    sources,
    preprocess: DEFAULT_PREPROCESS,
    outputs: 'logits',
    classes: 1000,
  };
}

export const randomContent = (bytes = 200_000): Buffer => randomBytes(bytes);

export function memoryLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, log: (level, message) => lines.push(`${level}: ${message}`) };
}

const timing = { connectMs: 1000, stallMs: 150, attempts: 3, pauseMs: 5 };

/** A models directory without models, and a catalogue of one entry, `tiny`. */
export async function setup(content = randomContent()) {
  const modelsDir = join(await temporaryFolder(), 'models');
  const { log, lines } = memoryLog();
  const entry = fakeEntry(content);
  const options = { name: 'tiny', modelsDir, log, timing, catalogue: [entry] } satisfies EnsureModelOptions;
  const part = join(modelsDir, '.staging', 'tiny', 'tiny-1.onnx.part');
  /** What an earlier, killed run would have left. */
  const leave = async (bytes: Buffer): Promise<void> => {
    await mkdir(join(part, '..'), { recursive: true });
    await writeFile(part, bytes);
  };
  return { content, modelsDir, options, entry, lines, part, leave };
}
