/** What its client says that the picture of a job really shows: given, and taken back. */
import {
  hasOutcome,
  presentJob,
  ProblemError,
  type ClassLabel,
  type Correction,
  type CorrectionRequest,
  type CorrectionStore,
  type EndedJob,
  type Job,
  type JobStore,
  type ModelLabels,
} from '@quintet/shared';
import { owns, type Client } from './client.js';
import { jobNotFound } from './read.js';

export interface CorrectContext {
  readonly store: Pick<JobStore, 'read'>;
  readonly corrections: Pick<CorrectionStore, 'write'>;
  /** The classes of a model; undefined where no worker has told them. */
  readonly labels: (model: string) => Promise<ModelLabels | undefined>;
  readonly now?: () => Date;
}

/**
 * Keeps the right label of the job `id`, in the place of an earlier one. Throws `job_not_found`, `job_not_succeeded`, and
 * `option_invalid` where `index` is no class of that name.
 */
export async function correctJob(
  context: CorrectContext,
  id: string,
  request: CorrectionRequest,
  client: Client,
): Promise<Job> {
  const stored = await findSucceeded(context, id, client);
  const named = await classFor(context, stored, request);
  const at = (context.now?.() ?? new Date()).toISOString();
  return write(context, stored, { ...(named ?? { label: request.label }), at });
}

/** Takes it back, if there is one. Throws `job_not_found` and `job_not_succeeded`. */
export async function uncorrectJob(context: CorrectContext, id: string, client: Client): Promise<Job> {
  return write(context, await findSucceeded(context, id, client), undefined);
}

async function findSucceeded({ store }: CorrectContext, id: string, client: Client): Promise<EndedJob> {
  const stored = await store.read(id);
  if (stored === undefined || !owns(client, stored.record)) throw jobNotFound(id);
  if (hasOutcome(stored) && stored.outcome.status === 'succeeded') return stored;
  const why = hasOutcome(stored) ? `it has ended: ${stored.outcome.status}` : 'it has not ended yet; wait for its end';
  throw new ProblemError('job_not_succeeded', `Job ${id} has no result to correct: ${why}.`);
}

async function write(
  { corrections }: CorrectContext,
  { record, outcome }: EndedJob,
  correction: Correction | undefined,
): Promise<Job> {
  // It may have expired since it was read.
  if (!(await corrections.write(record.id, correction))) throw jobNotFound(record.id);
  return presentJob(record, { outcome, correction });
}

/**
 * The class of the job's model that the label names: the one of that index, else the one of that name. Of several with one name, the
 * one that the job predicted, where that is one. Undefined where it names none, or does not say which.
 */
async function classFor(
  context: CorrectContext,
  { record, outcome }: EndedJob,
  { label, index }: CorrectionRequest,
): Promise<ClassLabel | undefined> {
  const model = outcome.model ?? record.model;
  const kept = await context.labels(model.name);
  const predicted = (outcome.predictions ?? []).map(({ score: _score, ...each }): ClassLabel => each);
  // Workers of another version may number their classes otherwise.
  const known = kept !== undefined && kept.version === model.version ? kept.labels : [];
  const wanted = label.toLowerCase();
  const named = (classes: readonly ClassLabel[]): ClassLabel[] =>
    classes.filter((each) => each.label.toLowerCase() === wanted && (index === undefined || each.index === index));
  const candidates = named(predicted);
  const found = candidates.length > 0 ? candidates : named(known);
  if (found.length === 1) return found[0];
  if (index === undefined) return undefined;
  throw new ProblemError('option_invalid', `Class ${index} of ${model.name} is not called so. Leave index out.`, {
    errors: [{ detail: `no class of this number has the label`, pointer: '#/index' }],
  });
}
