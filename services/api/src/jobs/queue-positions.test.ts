import { describe, expect, it, vi } from 'vitest';
import { QueuePositions, waitingLists, type QueueLists, type WaitingList } from './queue-positions.js';

/** Lists as a worker takes from them, first one first; `move` runs before each look at them. */
class Lists implements QueueLists {
  move: () => void = () => undefined;

  constructor(
    readonly lists: Partial<Record<WaitingList, string[]>>,
    readonly running: string[] = [],
  ) {}

  lengths = vi.fn(() =>
    Promise.resolve(
      Object.fromEntries(waitingLists.map((list) => [list, this.lists[list]?.length ?? 0])) as Record<
        WaitingList,
        number
      >,
    ),
  );
  range = vi.fn((_model: string, list: WaitingList, from: number, to: number) => {
    this.move();
    return Promise.resolve((this.lists[list] ?? []).slice(from, to + 1));
  });
  active = vi.fn(() => Promise.resolve([...this.running]));
}

const ids = (count: number, prefix = 'job-'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

const positionsOf = (lists: Lists, limits = { jobs: 100, piece: 7 }, rate = 10) =>
  new QueuePositions(lists, (model) => Promise.resolve(model === 'resnet50' ? rate : 1000), limits);

describe('QueuePositions', () => {
  it('counts in the order in which workers take jobs', async () => {
    const lists = new Lists({ wait: ['a', 'b'], prioritized: ['p'], delayed: ['d'], 'waiting-children': ['w'] }, [
      'running',
    ]);
    const snapshot = await positionsOf(lists).snapshot('resnet50');
    expect(['a', 'b', 'p', 'd', 'w'].map((id) => snapshot.position(id))).toEqual([0, 1, 2, 3, 4]);
    expect(snapshot.position('running')).toBeUndefined();
    expect([snapshot.isActive('running'), snapshot.isActive('a')]).toEqual([true, false]);
    expect(snapshot.truncated).toBe(false);
  });

  it('tells a place with its time at the rate of the model’s queue, and without where it stands', async () => {
    expect(await positionsOf(new Lists({ wait: ids(20) })).place('resnet50', 'job-4')).toEqual({
      position: 4,
      eta_seconds: 0.5,
    });
    expect(await positionsOf(new Lists({ wait: ids(20) }), undefined, 0).place('resnet50', 'job-4')).toEqual({
      position: 4,
    });
  });

  it('tells no time of a job that no worker can take yet: of one whose picture is fetched, or that is tried again later', async () => {
    const lists = new Lists({ wait: ['a'], prioritized: ['p'], delayed: ['d'], 'waiting-children': ['w'] });
    const places = positionsOf(lists);
    expect(await Promise.all(['a', 'p', 'd', 'w', 'newer'].map((id) => places.place('resnet50', id)))).toEqual([
      { position: 0, eta_seconds: 0.1 },
      { position: 1, eta_seconds: 0.2 },
      { position: 2 },
      { position: 3 },
      { position: 4, eta_seconds: 0.5 },
    ]);
  });

  it('reads long lists in pieces, and puts them together in order', async () => {
    const lists = new Lists({ wait: ids(23), prioritized: ids(9, 'p-') });
    const snapshot = await positionsOf(lists).snapshot('resnet50');
    const all = [...ids(23), ...ids(9, 'p-')];
    expect(all.map((id) => snapshot.position(id))).toEqual(all.map((_, index) => index));
    for (const [, , from, to] of lists.range.mock.calls) expect(to - from).toBeLessThan(7);
  });

  it('misses no job although workers take some while it reads', async () => {
    const lists = new Lists({ wait: ids(40) });
    const taken: string[] = [];
    lists.move = () => {
      for (const id of lists.lists.wait?.splice(0, 2) ?? []) {
        taken.push(id);
        lists.running.push(id);
      }
    };
    const snapshot = await positionsOf(lists).snapshot('resnet50');
    expect(taken.length).toBeGreaterThan(5);
    for (const id of ids(40)) expect(snapshot.isActive(id) || snapshot.position(id) !== undefined).toBe(true);
    const waiting = lists.lists.wait ?? [];
    const seen = waiting.map((id) => snapshot.position(id) ?? NaN);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('knows a bounded number, and that others have at least so many before them', async () => {
    const positions = positionsOf(new Lists({ wait: ids(80), prioritized: ids(80, 'p-') }));
    const snapshot = await positions.snapshot('resnet50');
    expect([snapshot.known, snapshot.truncated]).toEqual([100, true]);
    expect(snapshot.position('p-19')).toBe(99);
    expect((await positions.place('resnet50', 'p-20')).position).toBe(100);
  });

  it('asks Redis once for all who ask within half a second, and not at all when nobody does', async () => {
    const lists = new Lists({ wait: ids(3) });
    const positions = positionsOf(lists);
    expect(lists.lengths).not.toHaveBeenCalled();
    await Promise.all(Array.from({ length: 1000 }, () => positions.place('resnet50', 'job-1')));
    await positions.place('resnet50', 'job-2');
    expect(lists.lengths).toHaveBeenCalledTimes(1);
  });

  it('tries again after a failure', async () => {
    const lists = new Lists({ wait: ids(3) });
    lists.lengths.mockRejectedValueOnce(new Error('away'));
    const positions = positionsOf(lists);
    await expect(positions.place('resnet50', 'job-1')).rejects.toThrow('away');
    expect((await positions.place('resnet50', 'job-1')).position).toBe(1);
  });
});
