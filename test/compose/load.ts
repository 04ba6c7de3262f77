/** A client of the published port: pictures in, jobs out. */
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { jobSchema, type Job } from '@quintet/shared';
import { z } from 'zod';
import { repositoryFile } from './dashboard.js';

const images = repositoryFile('../shared/images/');

export interface Picture {
  /** Without its extension: the reference crop has the same. */
  readonly name: string;
  readonly bytes: Buffer<ArrayBuffer>;
}

export async function readPictures(): Promise<Picture[]> {
  const names = (await readdir(images)).filter((name) => name.endsWith('.JPEG')).sort();
  return Promise.all(
    names.map(async (name) => ({
      name: basename(name, extname(name)),
      bytes: Buffer.from(await readFile(new URL(encodeURIComponent(name), images))),
    })),
  );
}

const topFives = z.record(z.string(), z.array(z.object({ index: z.int() })).min(1));

/**
 * The class that bare ONNX Runtime gives each reference crop on this CPU. The committed table cannot judge: a quantised
 * model is another function on a CPU with VNNI than on one without (bench/bare-reference.mjs).
 */
export async function readReference(): Promise<Map<string, number>> {
  const script = fileURLToPath(repositoryFile('bench/bare-reference.mjs'));
  const model = fileURLToPath(repositoryFile('../shared/models/mobilenetv2-12-int8.onnx'));
  const crops = fileURLToPath(repositoryFile('../shared/reference/crops'));
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--model', model, '--crops', crops]);
  return new Map(Object.entries(topFives.parse(JSON.parse(stdout))).map(([name, [top]]) => [name, top?.index ?? -1]));
}

/** Submits a picture and returns the job; with `waitSeconds`, the finished one. Each is classified, however often it comes. */
export async function submit(api: string, picture: Picture, waitSeconds?: number): Promise<Job> {
  const response = await fetch(`${api}/v1/jobs`, {
    method: 'POST',
    headers: {
      'content-type': 'image/jpeg',
      'cache-control': 'no-store',
      ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
    },
    body: picture.bytes,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${picture.name}: ${response.status} ${text}`);
  return jobSchema.parse(JSON.parse(text));
}

export async function readJob(api: string, id: string): Promise<Job> {
  const response = await fetch(`${api}/v1/jobs/${id}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${id}: ${response.status} ${text}`);
  return jobSchema.parse(JSON.parse(text));
}

/** Runs `task` for each item, at most `limit` at once; results in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  task: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: limit }, lane));
  return results;
}

/** Asks until `satisfied`, or until the time is over; returns the last answer either way. */
export async function poll<T>(
  ask: () => Promise<T>,
  satisfied: (answer: T) => boolean,
  { timeoutMs, everyMs = 500 }: { timeoutMs: number; everyMs?: number },
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (satisfied(answer) || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
