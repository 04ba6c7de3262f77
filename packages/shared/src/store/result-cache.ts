/**
 * Answers that are kept for other jobs with the same picture, and who is computing one now.
 *
 *   {quintet}:result:<name>     the most likely classes as JSON, as many as any job may ask for; of an explained one also the
 *                               explanation, with its heat map in base64
 *   {quintet}:inferring:<name>  id of the job that computes them, for `claimMs` at a time
 *
 * A name is of one client, one version of one model and one picture (SHA-256 of its bytes), so nobody learns what others
 * submit, and no answer outlives its model. Explained answers have names of their own: a job that wants an explanation never
 * waits for one that makes none, at the price of one inference where a picture is asked about both ways. States: unknown → claimed → known → unknown (TTL); claimed → unknown where the job
 * fails, is handed back, or its worker dies.
 * Invariants: a known result is the answer of that model to those bytes. A claim is only advice: one that is lost, late or
 * taken twice costs an inference, never an answer.
 * Trade-off: a short claim that its holder renews, so that a killed worker's followers go on within seconds; a worker that is
 * cut off for longer computes what another computes too.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { explanationSchema, type Explained } from '../explanation.js';
import { predictionSchema, type ModelRef, type Prediction } from '../job.js';
import { keys } from '../queues.js';
import { runScript } from './scripts.js';

/** What is kept of an answer: as many as `top_k` allows. */
export const sharedTopK = 20;

export const claimMs = 4000;
/** How often a claim that is held longer is renewed. */
export const claimRenewalMs = 1000;

/** What a model said of a picture. */
export interface Answer {
  readonly predictions: readonly Prediction[];
  /** Of an explained one. */
  readonly explained?: Explained | undefined;
}

/** `claimed`: the caller computes it. `held`: another job does. */
export type ResultAnswer = Answer | 'claimed' | 'held';

/** In whose name answers are shared: those of one client are for it alone. */
export function resultScope(owner: string | undefined): string {
  return owner === undefined ? 'anonymous' : createHash('sha256').update(owner).digest('hex').slice(0, 32);
}

/** The name of the answer of `model` to a picture, explained or not; undefined while its version is unknown. */
export function resultName(scope: string, model: ModelRef, digest: string, explained = false): string | undefined {
  if (model.version === undefined) return undefined;
  return `${scope}:${model.name}:${model.version}:${digest}${explained ? ':explained' : ''}`;
}

/** Of a kept answer, what a job asked for: no explanation where none of its predictions is left. */
export function selectAnswer(
  { predictions, explained }: Answer,
  topK: number,
  minScore: number | undefined,
): { readonly predictions: Prediction[]; readonly explained?: Explained } {
  const selected = predictions.slice(0, topK).filter(({ score }) => score >= (minScore ?? 0));
  return { predictions: selected, ...(explained === undefined || selected.length === 0 ? {} : { explained }) };
}

const keptPredictions = z.array(predictionSchema);
const keptExplained = z.object({ predictions: keptPredictions, explanation: explanationSchema, png: z.base64() });
const keptSchema = z.union([keptPredictions, keptExplained]);

/** Undefined where another version of this service has kept something else. */
function readKept(text: string): Answer | undefined {
  const kept = keptSchema.safeParse(JSON.parse(text)).data;
  if (kept === undefined || Array.isArray(kept)) return kept && { predictions: kept };
  const { predictions, explanation, png } = kept;
  return { predictions, explained: { explanation, png: Buffer.from(png, 'base64') } };
}

/** An answer as it is kept. */
export function writeKept({ predictions, explained }: Answer): string {
  if (explained === undefined) return JSON.stringify(predictions);
  const { explanation, png } = explained;
  return JSON.stringify({ predictions, explanation, png: Buffer.from(png).toString('base64') });
}

export class ResultCache {
  constructor(private readonly redis: Redis) {}

  async find(name: string): Promise<Answer | undefined> {
    const text = await this.redis.get(keys.result(name));
    return text === null ? undefined : readKept(text);
  }

  /** The answer where there is one, else the claim to compute it for the job `id`, unless another job has it. */
  async ask(name: string, id: string): Promise<ResultAnswer> {
    const reply = await runScript(this.redis, 'ask-result', [keys.result(name), keys.inferring(name)], id, claimMs);
    if (typeof reply !== 'string') return reply === 1 ? 'claimed' : 'held';
    return readKept(reply) ?? 'claimed';
  }

  /** Makes the claim of the job `id`, if it still has it, last from now. */
  async renew(name: string, id: string): Promise<void> {
    await runScript(this.redis, 'hold-claim', [keys.inferring(name)], id, claimMs);
  }

  /** Gives up the claim of the job `id`, if it still has it. */
  async release(name: string, id: string): Promise<void> {
    await runScript(this.redis, 'hold-claim', [keys.inferring(name)], id, 0);
  }
}
