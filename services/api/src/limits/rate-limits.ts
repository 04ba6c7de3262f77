/**
 * How many requests a client may make in a minute, counted in Redis, so that it is one limit however many APIs there are.
 *
 * Two policies, each with its own counter: `default` counts pictures that are submitted, `read` everything else a client
 * asks, of which it may make ten times as many: one look costs a tenth of what a picture does, and polling must be
 * possible. A window of a minute begins with the first request in it; a request that is refused counts nothing, so that
 * asking again is not punished and a batch that is too large leaves room for single pictures.
 * Trade-off: with fixed windows a client can make two windows' requests around their border; in return a look is one round trip, one number and no
 * more memory than that.
 */
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { keys, ProblemError, scriptOf, type Redis } from '@quintet/shared';
import { requireRedis } from '../jobs/index.js';
import type { ClientLimits } from './client-limits.js';

const windowSeconds = 60;
const readsPerPicture = 10;

export type RatePolicy = 'default' | 'read';

export class RateLimits {
  /** By limit; as many as the configuration has different ones. */
  readonly #limiters = new Map<number, RateLimiterRedis>();

  constructor(private readonly redis: Redis) {}

  /**
   * Counts `weight` requests of the client. Returns the headers that tell it what is left; throws `rate_limited`, with
   * them, where that was too many.
   */
  async take(policy: RatePolicy, limits: ClientLimits, weight = 1): Promise<Readonly<Record<string, string>>> {
    if (limits.perMinute === 0) return {};
    requireRedis(this.redis);
    const limit = policy === 'default' ? limits.perMinute : limits.perMinute * readsPerPicture;
    try {
      const result = await this.#limiter(limit).consume(`${policy}:${limits.key}`, weight);
      return rateHeaders(policy, limit, result);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      throw rateLimited(policy, limit, weight, error);
    }
  }

  #limiter(limit: number): RateLimiterRedis {
    let limiter = this.#limiters.get(limit);
    if (limiter === undefined) {
      limiter = new RateLimiterRedis({
        storeClient: this.redis,
        keyPrefix: keys.rate,
        points: limit,
        duration: windowSeconds,
        customIncrTtlLuaScript: scriptOf('take-rate').lua,
      });
      this.#limiters.set(limit, limiter);
    }
    return limiter;
  }
}

type Result = Pick<RateLimiterRes, 'remainingPoints' | 'msBeforeNext'>;

/** The fields of the IETF draft "RateLimit header fields for HTTP": the quota, and what is left for how many seconds. */
export function rateHeaders(policy: RatePolicy, limit: number, result: Result): Readonly<Record<string, string>> {
  return {
    'RateLimit-Policy': `"${policy}";q=${limit};w=${windowSeconds}`,
    RateLimit: `"${policy}";r=${result.remainingPoints};t=${secondsOf(result)}`,
  };
}

function secondsOf({ msBeforeNext }: Result): number {
  return Math.max(1, Math.ceil(msBeforeNext / 1000));
}

function rateLimited(policy: RatePolicy, limit: number, weight: number, result: Result): ProblemError {
  const seconds = secondsOf(result);
  const what = policy === 'default' ? 'pictures' : 'requests other than submissions';
  const detail =
    weight > limit
      ? `These are ${weight} pictures, and a minute has ${limit} for you. Submit fewer at once.`
      : `A minute has ${limit} ${what} for you. Try again in ${seconds} s.`;
  // What is left may be enough for one picture and not for these.
  const left = { remainingPoints: 0, msBeforeNext: result.msBeforeNext };
  const headers = { ...rateHeaders(policy, limit, left), 'Retry-After': String(seconds) };
  return new ProblemError('rate_limited', detail, { headers });
}
