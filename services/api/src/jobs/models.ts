/** Which models this service accepts jobs for, and who serves them: what workers announce, a second old at most. */
import { ProblemError, type AnnouncedModel, type ModelRef, type Presence, type WorkerPresence } from '@quintet/shared';
import { cached } from './cached.js';

const cacheMs = 1000;

export interface ServedModel extends ModelRef {
  /** Whether its answers can be explained. */
  readonly explainable: boolean;
  readonly workers: readonly WorkerPresence[];
}

export class ModelDirectory {
  readonly #known: () => Promise<Map<string, AnnouncedModel>>;
  readonly workers: () => Promise<WorkerPresence[]>;

  constructor(
    presence: Presence,
    readonly defaultModel: string,
  ) {
    this.#known = cached(cacheMs, () => presence.models());
    this.workers = cached(cacheMs, () => presence.workers());
  }

  /**
   * The model that a job names, or the default. Throws `model_not_found`, which lists those there are, and, where the job wants to
   * be explained, `explanation_unsupported`.
   */
  async resolve(name: string = this.defaultModel, explain = false): Promise<ModelRef> {
    const known = await this.#known();
    const found = known.get(name);
    if (found !== undefined) {
      const { explainable, ...model } = found;
      if (explain && explainable !== true) throw explanationUnsupported(known, name);
      return model;
    }
    // Its workers may be starting: a job for it waits for them.
    if (name === this.defaultModel) return { name };
    const names = [...new Set([this.defaultModel, ...known.keys()])].sort();
    throw new ProblemError('model_not_found', `There is no model ${name}. Known models: ${names.join(', ')}.`, {
      errors: [{ detail: `expected one of ${names.join(', ')}`, pointer: '#/model' }],
    });
  }

  /** Names of every model that may have a queue. */
  async names(): Promise<string[]> {
    return [...new Set([this.defaultModel, ...(await this.#known()).keys()])].sort();
  }

  /** Every known model with its live workers, by name; the default is among them whether served or not. */
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

function explanationUnsupported(known: ReadonlyMap<string, AnnouncedModel>, name: string): ProblemError {
  const able = [...known.values()].filter(({ explainable }) => explainable === true).map((model) => model.name);
  const others = able.length === 0 ? 'No model of this service can' : `These models can: ${able.sort().join(', ')}`;
  return new ProblemError('explanation_unsupported', `Model ${name} cannot explain its answers. ${others}.`, {
    errors: [{ detail: `not with the model ${name}`, pointer: '#/explain' }],
  });
}
