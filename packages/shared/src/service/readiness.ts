/**
 * Whether a service may be sent work. Live: the process answers. Ready: it has warmed up, is not stopping, and Redis is
 * reachable and fit. The reasons are told, so that a person who asks sees what is missing.
 */
import type { Redis } from 'ioredis';
import { redisUnfit } from '../redis.js';

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export type ReadinessCheck = () => Promise<Readiness>;

/** `local` names what this process still lacks; Redis is asked each time. */
export function createReadinessCheck(redis: Redis, local: () => readonly string[] = () => []): ReadinessCheck {
  return async () => {
    const reasons = [...local()];
    try {
      const unfit = await redisUnfit(redis);
      if (unfit !== undefined) reasons.push(`Redis is unfit: ${unfit}`);
    } catch (error) {
      reasons.push(`Redis cannot be reached: ${error instanceof Error ? error.message : String(error)}`);
    }
    return { ready: reasons.length === 0, reasons };
  };
}
