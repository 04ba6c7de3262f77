/** The one sentence above the numbers: whether they can be trusted, and what an operator should know first. */
import type { Operations } from '@quintet/client';
import { formatCount } from './format.js';
import type { Feed } from './poll.js';

export interface Headline {
  readonly tone: 'quiet' | 'good' | 'warn' | 'bad';
  readonly text: string;
}

/** The same text as long as nothing changes that matters: screen readers read it out when it does. */
export function headlineOf(feed: Feed<Operations>, timeOf: (at: string) => string): Headline {
  switch (feed.kind) {
    case 'waiting':
      return { tone: 'quiet', text: 'Asking the service …' };
    case 'denied':
      return { tone: 'bad', text: 'Shown to operators only.' };
    case 'stale': {
      const old = feed.data === undefined ? '' : ` The numbers are from ${timeOf(feed.data.at)}.`;
      return { tone: 'bad', text: `${feed.reason}${old} Trying again.` };
    }
    case 'live':
      return judge(feed.data);
  }
}

function judge({ workers, queue, redis }: Operations): Headline {
  const { max_depth: most, by_model: models } = queue;
  const full = models.filter(({ waiting }) => waiting >= most).map(({ model }) => model);
  const unserved = models.filter(({ model }) => !workers.some((worker) => worker.model.name === model));
  if (workers.length === 0) return { tone: 'bad', text: 'No worker lives: jobs wait until one starts.' };
  if (full.length > 0) {
    return { tone: 'bad', text: `Full: ${formatCount(most)} jobs wait for ${full.join(', ')}, and more are refused.` };
  }
  const [waitedFor] = unserved.filter(({ waiting }) => waiting > 0);
  if (waitedFor !== undefined) {
    return { tone: 'warn', text: `No worker serves ${waitedFor.model}: its jobs wait until one starts.` };
  }
  if (redis.limit_bytes !== undefined && redis.used_bytes > 0.8 * redis.limit_bytes) {
    return { tone: 'warn', text: 'Redis is nearly full: soon submissions are refused.' };
  }
  return { tone: 'good', text: 'Live' };
}
