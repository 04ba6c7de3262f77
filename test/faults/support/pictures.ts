/** The pictures of the fault tests, and what is right for each: asked of a service that nothing happens to. */
import type { Job, Prediction } from '@quintet/shared';
import { namedPictures, picture as pictureOf } from '../../support/pictures.js';

export interface Picture {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Pictures that the model is sure of. */
export const somePictures = (): Picture[] => namedPictures.map(({ label }) => picture(label, pictureOf(label)));

export const picture = (name: string, bytes: Buffer): Picture => ({ name, bytes: new Uint8Array(bytes) });

/** Top predictions by the picture's name. */
export type Expected = ReadonlyMap<string, readonly Prediction[]>;

export async function classifyCalmly(url: string, pictures: readonly Picture[]): Promise<Expected> {
  const expected = new Map<string, readonly Prediction[]>();
  for (const { name, bytes } of pictures) {
    const headers = { 'Content-Type': 'image/jpeg', Prefer: 'wait=30', 'Cache-Control': 'no-cache' };
    const response = await fetch(`${url}/v1/jobs`, { method: 'POST', body: bytes, headers });
    const job = (await response.json()) as Job;
    if (job.predictions === undefined) throw new Error(`${name}: ${JSON.stringify(job)}`);
    expected.set(name, job.predictions);
  }
  return expected;
}

/** Whether a job's predictions are those of a calm service. Scores may differ in the last digits with the batch. */
export function isRight(job: Job, expected: readonly Prediction[] | undefined): boolean {
  const [top] = expected ?? [];
  const [found] = job.predictions ?? [];
  return top !== undefined && found?.index === top.index && Math.abs(found.score - top.score) < 0.01;
}
