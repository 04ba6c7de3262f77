/** What is in Redis that should not be, once every job has ended. Names of keys are all that this knows of the product. */
import { Redis } from '@quintet/shared';

const mayStay = new Set(['{quintet}:workers', '{quintet}:models', '{quintet}:labels']);
/** Of BullMQ's keys for a queue: what there is of each, whatever is in it. */
const structure = /^(meta|id|events|marker|completed|failed|stalled-check|pc|metrics.*)$/;
const lists = /^(wait|active|paused|prioritized|delayed|waiting-children|stalled)$/;
/** Of a job in BullMQ, beside its hash. */
const parts = /:(lock|logs|processed|dependencies|failed|unsuccessful)$/;

/** One line for each key that no TTL and no retention will ever remove, or that should be gone by now. */
export async function redisLeftovers(url: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const found: string[] = [];
    const ended = new Map<string, Set<string>>();
    for await (const keys of redis.scanStream({ match: '*', count: 1000 }) as AsyncIterable<string[]>) {
      for (const key of new Set(keys)) {
        const complaint = await judge(redis, key, ended);
        if (complaint !== undefined) found.push(`${key}: ${complaint}`);
      }
    }
    return found;
  } finally {
    redis.disconnect();
  }
}

async function judge(redis: Redis, key: string, ended: Map<string, Set<string>>): Promise<string | undefined> {
  if (mayStay.has(key)) return undefined;
  const [, queue = '', rest = ''] = /^\{quintet\}:((?:classify-[\w.-]+)|webhooks|fetch|batches?):(.+)$/.exec(key) ?? [];
  if (queue === '') {
    const id = /^\{quintet\}:image:(.+)$/.exec(key)?.[1];
    if (id !== undefined && (await redis.hexists(`{quintet}:job:${id}`, 'outcome')) === 1) return 'its job has ended';
    const ttl = await redis.pttl(key);
    // -2: it has expired meanwhile.
    return ttl === -1 ? 'has no TTL' : undefined;
  }
  if (structure.test(rest)) return undefined;
  if (lists.test(rest)) return `is not empty: ${await describe(redis, key)}`;
  const id = rest.replace(parts, '');
  const known = ended.get(queue) ?? (await endedJobs(redis, queue));
  ended.set(queue, known);
  return known.has(id) ? undefined : 'belongs to no ended job';
}

/** Ids that BullMQ's retention will remove. */
async function endedJobs(redis: Redis, queue: string): Promise<Set<string>> {
  const sets = [`{quintet}:${queue}:completed`, `{quintet}:${queue}:failed`];
  return new Set((await Promise.all(sets.map((set) => redis.zrange(set, '0', '-1')))).flat());
}

async function describe(redis: Redis, key: string): Promise<string> {
  const type = await redis.type(key);
  if (type === 'list') return (await redis.lrange(key, 0, 3)).join(', ');
  if (type === 'zset') return (await redis.zrange(key, '0', '3')).join(', ');
  return type === 'set' ? (await redis.smembers(key)).slice(0, 4).join(', ') : type;
}
