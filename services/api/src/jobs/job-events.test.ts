import { EventEmitter } from 'node:events';
import type { JobRecord, Outcome, Redis } from '@quintet/shared';
import { finishedChannel, startedChannel } from '@quintet/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { anonymous } from './client.js';
import { JobEvents } from './job-events.js';
import type { QueueSnapshot } from './queue-positions.js';
import type { QueueState } from './queues.js';

const outcome: Outcome = { status: 'succeeded', finished_at: '2026-01-01T00:00:30.000Z' };

/** A queue, a store and a subscription, all of which the test sets. */
class World {
  waiting: string[] = [];
  active = new Set<string>();
  outcomes = new Map<string, Outcome>();
  records = new Map<string, JobRecord>();
  snapshots = 0;
  reads = 0;
  readonly subscriber = Object.assign(new EventEmitter(), { subscribe: () => Promise.resolve() });
  readonly events = new JobEvents({
    store: {
      read: (id) => {
        this.reads += 1;
        const record = this.records.get(id);
        const ended = this.outcomes.get(id);
        return Promise.resolve(record && { record, ...(ended && { outcome: ended }) });
      },
      finish: (id, ended) => {
        this.outcomes.set(id, ended);
        return Promise.resolve('finished');
      },
      forgetDeadline: () => Promise.resolve(),
    },
    queues: {
      state: (_model, id): Promise<QueueState> =>
        Promise.resolve(
          this.active.has(id)
            ? { status: 'processing', startedAt: new Date(5) }
            : this.waiting.includes(id)
              ? { status: 'queued' }
              : 'absent',
        ),
      remove: () => Promise.resolve(true),
    },
    positions: {
      place: (_model, id) => Promise.resolve({ position: this.waiting.indexOf(id) }),
      snapshot: () => {
        this.snapshots += 1;
        return this.look();
      },
    },
    resultTtlSeconds: 60,
  });

  constructor() {
    this.events.subscribe(this.subscriber as unknown as Redis);
  }

  look(): Promise<QueueSnapshot> {
    return Promise.resolve(this.snapshot());
  }

  snapshot(): QueueSnapshot {
    const positions = new Map(this.waiting.map((id, index) => [id, index]));
    const active = new Set(this.active);
    return {
      begunAt: performance.now(),
      known: positions.size,
      truncated: false,
      position: (id) => positions.get(id),
      isActive: (id) => active.has(id),
      place: (position) => ({ position }),
    };
  }

  submit(id: string, extra: Partial<JobRecord> = {}): void {
    const created_at = new Date().toISOString();
    this.records.set(id, { id, model: { name: 'resnet50' }, created_at, metadata: {}, ...extra });
    this.waiting.push(id);
  }

  /** A worker takes the next job, and says so unless the message is lost. */
  start(lost = false): string {
    const id = this.waiting.shift() ?? '';
    this.active.add(id);
    if (!lost) this.subscriber.emit('message', startedChannel, `${id} 1700000000000`);
    return id;
  }

  end(id: string, lost = false): void {
    this.active.delete(id);
    this.outcomes.set(id, outcome);
    if (!lost) this.subscriber.emit('message', finishedChannel, `${id} ${JSON.stringify(outcome)}`);
  }

  async tokens(id: string) {
    const watch = await this.events.watch(id, anonymous);
    const tokens: string[] = [];
    watch.listen((state) => tokens.push(state?.token ?? 'gone'));
    return { tokens, close: watch.close };
  }
}

let world: World;
beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});
afterEach(() => {
  vi.useRealTimers();
});

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('JobEvents', () => {
  it('tells the places as they change, the start and the end, each once', async () => {
    for (const id of ['a', 'b', 'c']) world.submit(id);
    const { tokens } = await world.tokens('c');
    await later(2000);
    world.start();
    await later(600);
    world.end('a');
    world.start();
    await later(600);
    world.start();
    await later(1200);
    world.end('c');
    await later(1200);
    expect(tokens).toEqual(['queued-2', 'queued-1', 'queued-0', 'processing', 'succeeded']);
  });

  it('looks at the queue once for any number of listeners, and reads none of their jobs', async () => {
    const jobs = Array.from({ length: 300 }, (_, index) => `job-${index}`);
    for (const id of jobs) world.submit(id);
    const watches = await Promise.all(jobs.map((id) => world.tokens(id)));
    const [snapshots, reads] = [world.snapshots, world.reads];
    world.start();
    await later(510);
    expect(watches.slice(1).every(({ tokens }, index) => tokens.at(-1) === `queued-${index}`)).toBe(true);
    expect([world.snapshots - snapshots, world.reads - reads]).toEqual([1, 0]);
  });

  it('looks no more often because listeners come and go', async () => {
    world.submit('a');
    let answer: (snapshot: QueueSnapshot) => void = () => undefined;
    const looks = vi.spyOn(world, 'look');
    for (let round = 0; round < 10; round += 1) {
      const { close } = await world.tokens('a');
      // The look is under way while the last listener leaves and another comes.
      looks.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
      await later(510);
      close();
      const next = await world.tokens('a');
      answer(world.snapshot());
      await later(0);
      next.close();
    }
    const { close } = await world.tokens('a');
    looks.mockClear();
    await later(5100);
    expect(looks.mock.calls.length).toBeLessThanOrEqual(10);
    close();
  });

  it('finds the start and the end whose messages were lost', async () => {
    world.submit('a');
    const { tokens } = await world.tokens('a');
    world.start(true);
    await later(600);
    world.end('a', true);
    await later(600);
    expect(tokens).toEqual(['queued-0', 'processing', 'succeeded']);
  });

  it('sees a job go back to the queue when its worker is lost', async () => {
    world.submit('a');
    const { tokens } = await world.tokens('a');
    world.start();
    await later(600);
    world.active.clear();
    world.waiting.push('a');
    await later(600);
    expect(tokens).toEqual(['queued-0', 'processing', 'queued-0']);
  });

  it('misses no news that comes while the job is first read, and believes no old ones', async () => {
    world.submit('a');
    const watching = world.tokens('a');
    world.start();
    await later(0);
    world.subscriber.emit('message', finishedChannel, `a ${JSON.stringify(outcome)}`);
    world.subscriber.emit('message', startedChannel, 'a 1700000000000');
    const { tokens } = await watching;
    expect(tokens.at(-1)).toBe('succeeded');
  });

  it('does not take a snapshot for newer than the message that came while it was taken', async () => {
    world.submit('a');
    const { tokens } = await world.tokens('a');
    const old = world.snapshot();
    vi.spyOn(world, 'snapshot').mockReturnValue(old);
    await later(10);
    world.start();
    await later(1500);
    expect(tokens).toEqual(['queued-0', 'processing']);
  });

  it('ends a job at its deadline', async () => {
    world.submit('a', { deadline_ms: Date.now() + 200 });
    const { tokens } = await world.tokens('a');
    await later(205);
    expect(tokens).toEqual(['queued-0', 'expired']);
  });

  it('knows nothing of jobs that are not there or are another’s, and says so when one is forgotten', async () => {
    await expect(world.events.watch('x', anonymous)).rejects.toMatchObject({ code: 'job_not_found' });
    world.submit('a', { owner: 'alice' });
    const bob = { name: 'bob', scopes: new Set(['read'] as const) };
    await expect(world.events.watch('a', bob)).rejects.toMatchObject({ code: 'job_not_found' });
    expect(world.events.size).toBe(0);
    const { tokens } = await world.tokens('a');
    world.records.clear();
    world.waiting = [];
    await later(600);
    expect(tokens).toEqual(['queued-0', 'gone']);
  });

  it('keeps nothing of those that left', async () => {
    world.submit('a', { deadline_ms: Date.now() + 60_000 });
    const watches = await Promise.all([world.tokens('a'), world.tokens('a')]);
    for (const watch of [...watches, ...watches]) watch.close();
    expect([world.events.size, vi.getTimerCount()]).toEqual([0, 0]);
    const { snapshots } = world;
    await later(5000);
    expect(world.snapshots).toBe(snapshots);
  });
});
