/**
 * Whether a service may be sent work. Live: the process answers. Ready: it has warmed up, is not stopping, and Redis is
 * reachable and fit: it takes what is written, and keeps it. The reasons are told, so that a person who asks sees what is missing.
 */
import type { Redis } from 'ioredis';
import { keys } from '../queues.js';

const longestReason = 200;

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

/** Why this Redis must not be used, or undefined if it may. Throws if it is out of reach. */
export async function redisUnfit(redis: Redis): Promise<string | undefined> {
  const [info, refusal] = await Promise.all([redis.info('memory'), writeRefusal(redis)]);
  if (refusal !== undefined) return `it takes no writes: ${refusal}`;
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  return policy === undefined || policy === 'noeviction'
    ? undefined
    : `maxmemory-policy is ${policy}; it must be noeviction, or Redis drops jobs when it is full`;
}

/**
 * What Redis answers to a write where it takes none: its disk is full, it is a replica, or has too few of them. INFO tells of a
 * failed save, and not whether Redis refuses writes for it. Removing a key that never exists is a write that changes nothing,
 * and that a Redis without memory takes: being full passes, and is told to those who submit.
 */
async function writeRefusal(redis: Redis): Promise<string | undefined> {
  try {
    await redis.unlink(keys.readiness);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    return error.message.slice(0, longestReason);
  }
}
