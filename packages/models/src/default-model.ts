/*
 * The model where nobody named one: a ladder from the best to the one that is bundled.
 *
 *   for each rung: present → served;  absent → its sources are asked (all rungs' at once, within CONNECT_MS together)
 *                  a source answers → downloaded → served;  none answers, or the download fails → the next rung
 * The last rung lies beside the code and needs no network. What somebody must look at (a full disk, a folder that cannot be
 * read, a wrong MODEL_BASE_URL) is an error on every rung.
 * Trade-off: nothing is remembered, so that a start with a network always gets the best. One without a network pays CONNECT_MS
 * where packets are dropped, and next to nothing where they are refused.
 */
import { catalogue as standardCatalogue, findCatalogueEntry, sourcesOf } from './catalogue.js';
import type { TransferTiming } from './download.js';
import { acquireModel, asModelError, presentModel, type EnsureModelOptions } from './ensure-model.js';
import { ModelError, type ModelErrorCode } from './errors.js';
import { listModelFolders } from './install.js';
import type { Model } from './load-model.js';
import type { Log } from './progress.js';
import { reach, type Answers } from './reach.js';

/** All connecting together: five seconds are promised, and a process has to start, too. */
const CONNECT_MS = 4_500;

/** Somebody waits, and there is something else to serve: less patience than for a model that was named. */
const TIMING: Partial<TransferTiming> = { connectMs: CONNECT_MS, stallMs: 15_000, attempts: 3 };

export interface DefaultModelOptions extends Omit<EnsureModelOptions, 'name'> {
  /** Of the catalogue, best first; the last one needs no network. */
  readonly names: readonly string[];
}

/** The best model that is there or can be had; logs in one line which it is and why. Throws ModelError. */
export async function ensureDefaultModel(options: DefaultModelOptions): Promise<Model> {
  const { names, log } = options;
  const timing = { ...TIMING, ...options.timing };
  const missed: string[] = [];
  let answers: Answers | undefined;
  for (const name of names) {
    const rung = { ...options, name, timing };
    let model = await presentModel(rung);
    if (model === undefined) {
      answers ??= await asModelError(rung, (dir) => ask(names.slice(missed.length), dir, rung));
      model = await acquire(rung, answers, name === names.at(-1));
    }
    if (model !== undefined) {
      tell(name, missed, answers, log);
      return model;
    }
    missed.push(name);
  }
  throw new TypeError('there are no default models');
}

function tell(name: string, missed: readonly string[], answers: Answers | undefined, log: Log): void {
  if (missed.length === 0) {
    log('info', `serving ${name}, the default`, { model: name });
    return;
  }
  const why = `${missed.join(' and ')} cannot be had${because(answers)}`;
  log('warn', `serving ${name}: ${why}; the next start tries again`, { model: name });
}

/** Undefined where the next rung is to be tried. */
async function acquire(rung: EnsureModelOptions, answers: Answers, isLast: boolean): Promise<Model | undefined> {
  const usable = sourcesFor(rung.name, rung).filter(({ href }) => answers.get(href) === undefined);
  if (usable.length === 0 && !isLast) return undefined;
  try {
    return await acquireModel(rung, usable);
  } catch (error) {
    if (isLast || !(error instanceof ModelError) || !passing.has(error.code)) throw error;
    rung.log('warn', error.message, { model: rung.name, code: error.code });
    return undefined;
  }
}

/** What another rung cures: no source, another file than the expected one, a checkpoint that the importer does not understand. */
const passing: ReadonlySet<string> = new Set<ModelErrorCode>([
  'model_unreachable',
  'model_hash_mismatch',
  'checkpoint_invalid',
  'checkpoint_refused',
]);

/** Asks the sources of all rungs down to the first that is there, until it is known which rung it will be. */
async function ask(names: readonly string[], modelsDir: string, options: EnsureModelOptions): Promise<Answers> {
  const folders = await listModelFolders(modelsDir);
  const present = names.findIndex((name) => folders.includes(name));
  const rungs = names.slice(0, present === -1 ? names.length : present).map((name) => sourcesFor(name, options));
  const enough = (answers: Answers): boolean => {
    for (const urls of rungs) {
      if (urls.some(({ href }) => answers.has(href) && answers.get(href) === undefined)) return true;
      if (urls.some(({ href }) => !answers.has(href))) return false;
    }
    return true;
  };
  return reach(rungs.flat(), options.timing?.connectMs ?? CONNECT_MS, enough, options.signal);
}

function sourcesFor(name: string, { catalogue = standardCatalogue, baseUrl }: Omit<EnsureModelOptions, 'name'>): URL[] {
  const entry = findCatalogueEntry(name, catalogue);
  if (entry === undefined) throw new TypeError(`the catalogue has no ${name}`);
  return sourcesOf(entry, baseUrl);
}

/** The obstacles, each with the hosts that have it. */
function because(answers: Answers | undefined): string {
  const hosts = new Map<string, Set<string>>();
  for (const [href, obstacle] of answers ?? []) {
    if (obstacle === undefined) continue;
    const { host, pathname } = new URL(href);
    hosts.set(obstacle, (hosts.get(obstacle) ?? new Set()).add(host === '' ? pathname : host));
  }
  const parts = [...hosts].map(([obstacle, who]) => `${[...who].join(', ')}: ${obstacle}`);
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}
