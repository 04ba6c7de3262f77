/** Which models this service accepts jobs for, and who serves them: what workers announce, a second old at most. */
import {
  defaultModels,
  ProblemError,
  type AnnouncedModel,
  type Logger,
  type ModelLabels,
  type ModelRef,
  type Presence,
  type WorkerPresence,
} from '@quintet/shared';
import { cached } from './cached.js';

const cacheMs = 1000;

export interface ServedModel extends ModelRef {
  /** Whether its answers can be explained. */
  readonly explainable: boolean;
  readonly preprocess?: AnnouncedModel['preprocess'];
  readonly workers: readonly WorkerPresence[];
}

/** Seconds after which a client may ask again that came before the first worker. */
const firstWorkerSeconds = 5;

export class ModelDirectory {
  readonly #known: () => Promise<Map<string, AnnouncedModel>>;
  readonly #default: () => Promise<string>;
  readonly workers: () => Promise<WorkerPresence[]>;

  /** `named`: DEFAULT_MODEL. Without it the workers decide. */
  constructor(
    private readonly presence: Pick<Presence, 'models' | 'workers' | 'labels' | 'lastDefault' | 'rememberDefault'>,
    named: string | undefined,
    logger: Pick<Logger, 'info'>,
  ) {
    this.#known = cached(cacheMs, () => presence.models());
    this.workers = cached(cacheMs, () => presence.workers());
    this.#default =
      named === undefined ? cached(cacheMs, () => servedDefault(presence, logger)) : () => Promise.resolve(named);
  }

  /** The model of a job that names none; undefined where DEFAULT_MODEL is not set and no worker has ever lived. */
  async defaultModel(): Promise<string | undefined> {
    try {
      return await this.#default();
    } catch (error) {
      if (error instanceof ProblemError) return undefined;
      throw error;
    }
  }

  /**
   * The model that a job names, or the default. Throws `model_not_found`, which lists those there are, `model_unavailable` where
   * there is no default yet, and, where the job wants to be explained, `explanation_unsupported`.
   */
  async resolve(named?: string, explain = false): Promise<ModelRef> {
    const [known, name] = await Promise.all([this.#known(), named ?? this.#default()]);
    const found = known.get(name);
    if (found !== undefined) {
      const { explainable, preprocess: _preprocess, ...model } = found;
      if (explain && explainable !== true) throw explanationUnsupported(known, name);
      return model;
    }
    // Its workers may be starting: a job for it waits for them.
    if (name === (await this.defaultModel())) return { name };
    const names = await this.names();
    throw new ProblemError('model_not_found', `There is no model ${name}. Known models: ${names.join(', ')}.`, {
      errors: [{ detail: `expected one of ${names.join(', ')}`, pointer: '#/model' }],
    });
  }

  /** Names of every model that may have a queue. */
  async names(): Promise<string[]> {
    const [known, byDefault] = await Promise.all([this.#known(), this.defaultModel()]);
    return [...new Set([...(byDefault === undefined ? [] : [byDefault]), ...known.keys()])].sort();
  }

  /** The classes of the model `name`, in order. Throws `model_not_found`, also where its workers have not told them yet. */
  async labels(name: string): Promise<ModelLabels> {
    const found = await this.presence.labels(name);
    if (found !== undefined) return found;
    const known = (await this.names()).join(', ');
    throw new ProblemError('model_not_found', `No classes of a model ${name} are known. Known models: ${known}.`);
  }

  /** Every known model with its live workers, by name; the default, where there is one, whether served or not. */
  async list(): Promise<ServedModel[]> {
    const [known, workers] = await Promise.all([this.#known(), this.workers()]);
    return (await this.names()).map((name) => {
      const serving = workers.filter(({ model }) => model.name === name);
      // A live worker's word is newer than what was remembered.
      const model: AnnouncedModel = serving.at(-1)?.model ?? known.get(name) ?? { name };
      return { ...model, explainable: model.explainable === true, workers: serving };
    });
  }
}

/**
 * What the workers serve: of several models the first in the order of `defaultModels`, else by name; while none lives, what it
 * was last. Throws `model_unavailable` where none ever has: a job would wait for a worker that may never come.
 */
async function servedDefault(
  presence: Pick<Presence, 'workers' | 'lastDefault' | 'rememberDefault'>,
  logger: Pick<Logger, 'info'>,
): Promise<string> {
  const [workers, last] = await Promise.all([presence.workers(), presence.lastDefault()]);
  const live = [...new Set(workers.map(({ model }) => model.name))].sort();
  const chosen = defaultModels.find((name) => live.includes(name)) ?? live[0] ?? last;
  if (chosen === undefined) {
    throw new ProblemError('model_unavailable', 'No worker has been ready yet. Try again when one is.', {
      headers: { 'Retry-After': String(firstWorkerSeconds) },
    });
  }
  if (chosen !== last) {
    logger.info({ model: chosen, before: last }, 'jobs that name no model are for another one now');
    // A Redis that takes no writes is told of elsewhere; the next look remembers it.
    await presence.rememberDefault(chosen).catch(() => undefined);
  }
  return chosen;
}

function explanationUnsupported(known: ReadonlyMap<string, AnnouncedModel>, name: string): ProblemError {
  const able = [...known.values()].filter(({ explainable }) => explainable === true).map((model) => model.name);
  const others = able.length === 0 ? 'No model of this service can' : `These models can: ${able.sort().join(', ')}`;
  return new ProblemError('explanation_unsupported', `Model ${name} cannot explain its answers. ${others}.`, {
    errors: [{ detail: `not with the model ${name}`, pointer: '#/explain' }],
  });
}
