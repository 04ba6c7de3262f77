/**
 * Answers that are kept for other jobs with the same picture, and who is computing one now.
 *
 *   {quintet}:result:<name>     the most likely classes as JSON, as many as any job may ask for
 *   {quintet}:inferring:<name>  id of the job that computes them, for `claimMs` at a time
 *
 * A name is of one client, one version of one model and one picture (SHA-256 of its bytes), so nobody learns what others
 * submit, and no answer outlives its model. States: unknown → claimed → known → unknown (TTL); claimed → unknown where the job
 * fails, is handed back, or its worker dies.
 * Invariants: a known result is the answer of that model to those bytes. A claim is only advice: one that is lost, late or
 * taken twice costs an inference, never an answer.
 * Trade-off: a short claim that its holder renews, so that a killed worker's followers go on within seconds; a worker that is
 * cut off for longer computes what another computes too.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { predictionSchema, type ModelRef, type Prediction } from '../job.js';
import { keys } from '../queues.js';

/** What is kept of an answer: as many as `top_k` allows. */
export const sharedTopK = 20;

export const claimMs = 4000;
/** How often a claim that is held longer is renewed. */
export const claimRenewalMs = 1000;

// KEYS: result, claim. ARGV: job id, claim in ms. A job that was taken over passes its own claim.
const askScript = `
local result = redis.call('GET', KEYS[1])
if result then return result end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
`;

// KEYS: claim. ARGV: job id, claim in ms; 0 gives it up.
const holdScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
`;

interface ScriptedRedis extends Redis {
  quintetAskResult(result: string, claim: string, id: string, ms: number): Promise<string | 0 | 1>;
  quintetHoldClaim(claim: string, id: string, ms: number): Promise<null>;
}

/** `claimed`: the caller computes it. `held`: another job does. */
export type ResultAnswer = { readonly predictions: Prediction[] } | 'claimed' | 'held';

/** In whose name answers are shared: those of one client are for it alone. */
export function resultScope(owner: string | undefined): string {
  return owner === undefined ? 'anonymous' : createHash('sha256').update(owner).digest('hex').slice(0, 32);
}

/** The name of the answer of `model` to a picture; undefined while its version is unknown. */
export function resultName(scope: string, model: ModelRef, digest: string): string | undefined {
  return model.version === undefined ? undefined : `${scope}:${model.name}:${model.version}:${digest}`;
}

/** Of a kept answer, what a job asked for. */
export function selectPredictions(
  kept: readonly Prediction[],
  topK: number,
  minScore: number | undefined,
): Prediction[] {
  return kept.slice(0, topK).filter(({ score }) => score >= (minScore ?? 0));
}

const keptSchema = z.array(predictionSchema);

/** Undefined where another version of this service has kept something else. */
function readKept(text: string): Prediction[] | undefined {
  return keptSchema.safeParse(JSON.parse(text)).data;
}

export class ResultCache {
  readonly #redis: ScriptedRedis;

  constructor(redis: Redis) {
    redis.defineCommand('quintetAskResult', { numberOfKeys: 2, lua: askScript });
    redis.defineCommand('quintetHoldClaim', { numberOfKeys: 1, lua: holdScript });
    this.#redis = redis as ScriptedRedis;
  }

  async find(name: string): Promise<Prediction[] | undefined> {
    const text = await this.#redis.get(keys.result(name));
    return text === null ? undefined : readKept(text);
  }

  /** The answer where there is one, else the claim to compute it for the job `id`, unless another job has it. */
  async ask(name: string, id: string): Promise<ResultAnswer> {
    const reply = await this.#redis.quintetAskResult(keys.result(name), keys.inferring(name), id, claimMs);
    if (typeof reply !== 'string') return reply === 1 ? 'claimed' : 'held';
    const predictions = readKept(reply);
    return predictions === undefined ? 'claimed' : { predictions };
  }

  /** Makes the claim of the job `id`, if it still has it, last from now. */
  async renew(name: string, id: string): Promise<void> {
    await this.#redis.quintetHoldClaim(keys.inferring(name), id, claimMs);
  }

  /** Gives up the claim of the job `id`, if it still has it. */
  async release(name: string, id: string): Promise<void> {
    await this.#redis.quintetHoldClaim(keys.inferring(name), id, 0);
  }
}
