/** The heat map of a job that was explained. */
import { ProblemError, type JobStore } from '@quintet/shared';
import { owns, type Client } from './client.js';

export interface HeatMapFile {
  readonly png: Buffer;
  /** How long it is kept from now on. */
  readonly secondsLeft: number;
}

export interface ExplanationContext {
  readonly store: Pick<JobStore, 'read' | 'readExplanation'>;
}

/** Throws `explanation_not_found`, also where the job is another client's. */
export async function readExplanation({ store }: ExplanationContext, id: string, client: Client): Promise<HeatMapFile> {
  const [stored, found] = await Promise.all([store.read(id), store.readExplanation(id)]);
  if (stored !== undefined && found !== undefined && owns(client, stored.record)) return found;
  throw new ProblemError(
    'explanation_not_found',
    `There is no explanation of job ${id}: it is not kept, has not ended, was not submitted with explain, or has no prediction.`,
  );
}
