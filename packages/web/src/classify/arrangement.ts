/** In which order the pictures of a run are shown, and in which groups. */
import { isUnsure } from '../app/score.js';
import { failureOf, jobOf, phaseOf, type Item } from './item.js';

/** As sent; the least sure first; in groups by label. */
export const orders = ['sent', 'unsure', 'label'] as const;
export type Order = (typeof orders)[number];

export interface Group {
  /** The same as long as the group is about the same. */
  readonly key: string;
  /** Absent where there is one group of all. */
  readonly title?: string;
  readonly items: readonly Item[];
}

/** Every item, in exactly one group. `items`: as sent, which is also the order of what is equal. */
export function arrange(items: readonly Item[], order: Order): Group[] {
  if (order === 'label') return byLabel(items);
  const all = order === 'sent' ? items : [...items].sort((a, b) => doubtOf(b) - doubtOf(a));
  return [{ key: 'all', items: all }];
}

const scoreOf = (item: Item): number | undefined => jobOf(item)?.predictions?.[0]?.score;

/** What is least sure has most; after all answers come those that were corrected, the failures, and what has no answer. */
function doubtOf(item: Item): number {
  const score = scoreOf(item);
  if (jobOf(item)?.correction !== undefined) return 0;
  if (score !== undefined) return 1 - score;
  return failureOf(item) === undefined ? -2 : -1;
}

/** By what was corrected, else by what the model says. The largest group first, then by name; each begins with its surest. What has no label that counts follows. */
function byLabel(items: readonly Item[]): Group[] {
  const groups = new Map<string, Item[]>();
  const rest: Record<'unsure' | 'failed' | 'canceled' | 'coming', Item[]> = {
    ...{ unsure: [], failed: [], canceled: [], coming: [] },
  };
  for (const item of items) {
    const { predictions: [first] = [], correction } = jobOf(item) ?? {};
    const phase = phaseOf(item);
    const label = correction?.label ?? (first === undefined || isUnsure(first) ? undefined : first.label);
    if (label !== undefined) {
      const group = groups.get(label);
      if (group === undefined) groups.set(label, [item]);
      else group.push(item);
    } else if (first !== undefined || phase === 'succeeded') rest.unsure.push(item);
    else if (phase === 'failed' || phase === 'canceled') rest[phase].push(item);
    else rest.coming.push(item);
  }
  const labels = [...groups].sort(([a, one], [b, other]) => other.length - one.length || (a < b ? -1 : 1));
  const bySureness = (group: readonly Item[]): Item[] =>
    [...group].sort((a, b) => (scoreOf(b) ?? 0) - (scoreOf(a) ?? 0));
  const others: readonly (readonly [string, string, readonly Item[]])[] = [
    ['unsure', 'Not sure', bySureness(rest.unsure)],
    ['failed', 'Did not work', rest.failed],
    ['canceled', 'Canceled', rest.canceled],
    ['coming', 'On their way', rest.coming],
  ];
  return [
    ...labels.map(([label, group]) => ({ key: `label ${label}`, title: label, items: bySureness(group) })),
    ...others.flatMap(([key, title, group]) => (group.length === 0 ? [] : [{ key, title, items: group }])),
  ];
}
