/**
 * What the person says that pictures really show: sent to the service, and put into whatever shows the job.
 *
 * A picture that is explained later on is another job; its correction goes with it.
 */
import type { Job } from '@quintet/client';
import { mayAskForKey } from '../api/api-key.js';
import { service } from '../api/service.js';
import type { History } from '../parts/history/history.js';
import type { CorrectionRequest } from '../parts/wrong/wrong-view.js';
import { jobOf, type Item } from './item.js';
import type { ItemStore } from './store.js';

/** Undefined takes it back. Throws QuintetError. */
export async function sendCorrection(
  id: string,
  correction: CorrectionRequest | undefined,
  history: History,
): Promise<Job> {
  mayAskForKey();
  const { label, index } = correction ?? {};
  const job = await (label === undefined ? service().uncorrect(id) : service().correct(id, label, { index }));
  const entry = history.find(id);
  if (entry !== undefined) history.add({ ...entry, job });
  return job;
}

export class Corrections {
  /** Of each item, what was said and of which job. */
  readonly #said = new Map<string, { readonly job: string; readonly correction: CorrectionRequest }>();

  constructor(
    private readonly store: ItemStore,
    private readonly history: History,
  ) {
    store.onChange((changed) => {
      for (const id of changed) this.#carry(store.get(id));
    });
  }

  /** Says it of the item's job, which must have succeeded. */
  async save(item: Item, correction: CorrectionRequest | undefined): Promise<Job> {
    const { id } = jobOf(item) ?? {};
    if (id === undefined) throw new Error('there is no job to correct');
    const job = await sendCorrection(id, correction, this.history);
    if (correction === undefined) this.#said.delete(item.id);
    else this.#said.set(item.id, { job: id, correction });
    const current = this.store.get(item.id);
    if (current !== undefined && jobOf(current)?.id === id) this.store.update(item.id, { state: { kind: 'job', job } });
    return job;
  }

  #carry(item: Item | undefined): void {
    const job = item === undefined ? undefined : jobOf(item);
    const said = item === undefined ? undefined : this.#said.get(item.id);
    if (item === undefined || job?.status !== 'succeeded' || said === undefined || said.job === job.id) return;
    this.#said.set(item.id, { ...said, job: job.id });
    // Where it fails, the new result has none, as it shows.
    this.save(item, said.correction).catch(() => undefined);
  }
}

const known = new Map<string, Promise<readonly string[]>>();

/** The labels of a model, asked for once. */
export function labelsOf(model: string): Promise<readonly string[]> {
  const ask = async (): Promise<string[]> => (await service().labels(model)).labels.map(({ label }) => label);
  const asked = known.get(model) ?? ask();
  known.set(model, asked);
  asked.catch(() => known.delete(model));
  return asked;
}
