/** The model that the address of another protocol names, as the workers announce it. */
import { modelNamePattern, ProblemError, type ModelRef, type WorkerPresence } from '@quintet/shared';
import type { ModelDirectory } from '../../jobs/index.js';

export interface ServedModel {
  readonly ref: ModelRef;
  /** Of the live workers that serve it. */
  readonly workers: readonly WorkerPresence[];
}

export type Tensors = NonNullable<WorkerPresence['tensors']>;

export type Models = Pick<ModelDirectory, 'resolve' | 'workers'>;

/** What Triton's clients ask for where nobody gave them a version. Here a model has one at a time: the hash of its file. */
const anyVersion = '1';

/** The model `name`. Throws `model_not_found`, also where it has another `version`. */
export async function findModel(models: Models, name: unknown, version?: unknown): Promise<ServedModel> {
  if (typeof name !== 'string' || !modelNamePattern.test(name)) {
    throw new ProblemError('model_not_found', 'There is no model of that name.');
  }
  const [found, all] = await Promise.all([models.resolve(name), models.workers()]);
  const workers = all.filter(({ model }) => model.name === name);
  // A live worker's word is newer than what was remembered.
  const ref = workers.at(-1)?.model ?? found;
  if (version !== undefined && version !== anyVersion && version !== ref.version) {
    throw new ProblemError(
      'model_not_found',
      `Model ${name} has no such version; it has ${ref.version ?? 'none yet'}.`,
    );
  }
  return { ref, workers };
}

/** Its tensors. Throws `model_unavailable` where no live worker serves it, or one that cannot take any. */
export function tensorsOf({ ref, workers }: ServedModel): Tensors {
  const tensors = workers.at(-1)?.tensors;
  // While workers are being replaced, an order goes to whichever is free.
  if (tensors === undefined || workers.some((worker) => worker.tensors === undefined)) {
    throw new ProblemError('model_unavailable', `No worker serves ${ref.name} as tensors now.`, {
      headers: { 'Retry-After': '5' },
    });
  }
  return tensors;
}
