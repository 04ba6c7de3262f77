/** A client of the published port: pictures in, jobs out. */
import { readFile } from 'node:fs/promises';
import { jobSchema, type Job } from '@quintet/shared';
import { z } from 'zod';
import { repositoryFile } from './dashboard.js';

const folder = 'examples/pictures';

export interface Picture {
  readonly file: string;
  /** The class that the bundled model sees in it. */
  readonly wnid: string;
  readonly bytes: Buffer<ArrayBuffer>;
}

const listed = z.array(z.object({ file: z.string(), wnid: z.string().nullable() }));

/** Our own pictures, those that are none of the classes left out. */
export async function readPictures(): Promise<Picture[]> {
  const list = listed.parse(JSON.parse(await readFile(repositoryFile(`${folder}/pictures.json`), 'utf8')));
  const known = list.flatMap(({ file, wnid }) => (wnid === null ? [] : [{ file, wnid }]));
  return Promise.all(
    known.map(async (picture) => ({
      ...picture,
      bytes: Buffer.from(await readFile(repositoryFile(`${folder}/${picture.file}`))),
    })),
  );
}

/** Submits a picture and returns the job; with `waitSeconds`, the finished one. Each is classified, however often it comes. */
export async function submit(api: string, picture: Picture, waitSeconds?: number): Promise<Job> {
  const response = await fetch(`${api}/v1/jobs`, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
    },
    body: picture.bytes,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${picture.file}: ${response.status} ${text}`);
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
