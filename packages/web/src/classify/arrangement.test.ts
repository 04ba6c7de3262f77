import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrange, orders } from './arrangement.js';
import type { Item } from './item.js';
import { makeItem, makeJob } from './testing/make.js';

const answered = (id: string, label: string, score: number): Item =>
  makeItem(id, {
    state: {
      kind: 'job',
      job: makeJob(id, { status: 'succeeded', predictions: [{ label, score, wnid: 'n', index: 0 }] }),
    },
  });
const failed = makeItem('failed', { state: { kind: 'failed', failure: { code: 'x', title: 'x', retryable: false } } });
const items = [
  makeItem('coming'),
  answered('a', 'balloon', 0.9),
  failed,
  answered('b', 'umbrella', 0.4),
  makeItem('canceled', { state: { kind: 'canceled' } }),
  answered('c', 'balloon', 0.95),
  answered('d', 'shield', 0.1),
];
const told = (order: (typeof orders)[number]) =>
  arrange(items, order).map(({ title, items: group }) => [title, ...group.map(({ id }) => id)].join(' '));

describe('arrange', () => {
  it('leaves them as sent', () => {
    expect(arrange(items, 'sent')).toEqual([{ key: 'all', items }]);
  });

  it('has the least sure first, then what failed, then what has no answer', () => {
    expect(told('unsure')).toEqual([' d b a c failed coming canceled']);
  });

  it('has the largest group first, the surest in front, and no group for a guess', () => {
    expect(told('label')).toEqual([
      ...['balloon c a', 'umbrella b', 'Not sure d', 'Did not work failed', 'Canceled canceled', 'On their way coming'],
    ]);
  });

  it('goes by what was corrected: that is no guess', () => {
    const corrected = makeItem('e', {
      state: {
        kind: 'job',
        job: makeJob('e', {
          status: 'succeeded',
          predictions: [{ label: 'shield', score: 0.1, wnid: 'n', index: 0 }],
          correction: { label: 'umbrella', at: '2026-01-01T00:00:00.000Z' },
        }),
      },
    });
    expect(arrange([...items, corrected], 'label')[1]).toMatchObject({
      title: 'umbrella',
      items: [{ id: 'b' }, { id: 'e' }],
    });
    const [all] = arrange([corrected, ...items], 'unsure');
    expect(all?.items.map(({ id }) => id).indexOf('e')).toBe(4);
  });

  it('loses none and shows none twice', () => {
    const some = fc.array(
      fc.tuple(fc.constantFrom('a', 'b', 'unsure', 'coming'), fc.double({ min: 0, max: 1, noNaN: true })),
    );
    fc.assert(
      fc.property(some, fc.constantFrom(...orders), (drawn, order) => {
        const all = drawn.map(([label, score], index) => answered(String(index), label, score));
        const groups = arrange(all, order);
        expect(groups.flatMap((group) => group.items).sort((a, b) => Number(a.id) - Number(b.id))).toEqual(all);
        expect(new Set(groups.map(({ key }) => key)).size).toBe(groups.length);
      }),
    );
  });
});
