import type { JobOptions, KnownKey } from '@quintet/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Idempotency, fingerprintOf, jobFingerprint, staleMs, type Standing } from './idempotency.js';
import { parseOptions, parseTextOptions } from './options.js';

/** As the store in Redis, with a clock that the test moves. */
class FakeStore {
  readonly known = new Map<string, { state: 'pending' | 'done'; fingerprint: string; id: string; claimed: number }>();
  now = 0;

  claim(hash: string, fingerprint: string, id: string, instead = ''): Promise<KnownKey | undefined> {
    const known = this.known.get(hash);
    if (known !== undefined && known.id !== instead) {
      const { state, fingerprint: before, id: other, claimed } = known;
      return Promise.resolve({ state, fingerprint: before, id: other, ageMs: this.now - claimed });
    }
    this.known.set(hash, { state: 'pending', fingerprint, id, claimed: this.now });
    return Promise.resolve(undefined);
  }
  settle(hash: string, id: string): Promise<void> {
    const known = this.known.get(hash);
    if (known?.id === id) known.state = 'done';
    return Promise.resolve();
  }
  release(hash: string, id: string): Promise<void> {
    if (this.known.get(hash)?.id === id) this.known.delete(hash);
    return Promise.resolve();
  }
  knows(hash: string): Promise<boolean> {
    return Promise.resolve(this.known.has(hash));
  }
}

/** A service whose submissions do what they are told; `things` is what really exists. */
function service() {
  const store = new FakeStore();
  const things = new Map<string, Standing>();
  const idempotency = new Idempotency(store, () => store.now);
  let ids = 0;
  const send = (
    fate: 'succeeds' | 'fails' | 'dies before' | 'dies half-way' | 'dies after',
    { client = 'ann', key = 'k', payload = 'p', route = 'r' } = {},
  ) => {
    const id = `id-${++ids}`;
    const answer = idempotency.run({
      client: { name: client },
      route,
      key,
      fingerprint: payload,
      id,
      find: (each) => Promise.resolve(things.get(each) ?? 'absent'),
      submit: () => {
        if (fate === 'fails') return Promise.reject(new Error('refused'));
        if (fate === 'dies half-way') things.set(id, 'partial');
        if (fate === 'dies after' || fate === 'succeeds') things.set(id, 'whole');
        return fate === 'succeeds' ? Promise.resolve(id) : new Promise<string>(() => undefined);
      },
    });
    return answer.then(
      (outcome) => ('made' in outcome ? `made ${outcome.made}` : `replayed ${outcome.replayed}`),
      (error: unknown) => (error as { code?: string }).code ?? 'failed',
    );
  };
  return { store, things, idempotency, send };
}

/** Lets what can go on do so; what waits for a dead process never does. */
const settled = async (answer: Promise<string>): Promise<string> =>
  Promise.race([answer, new Promise<string>((resolve) => setImmediate(resolve, 'no answer'))]);

describe('a key', () => {
  it('makes one thing, and is answered with it from then on', async () => {
    const { send } = service();
    expect(await send('succeeds')).toBe('made id-1');
    expect(await send('succeeds')).toBe('replayed id-1');
    expect(await send('succeeds', { payload: 'other' })).toBe('idempotency_key_reused');
  });

  it('is another one for another client, another route', async () => {
    const { send } = service();
    expect(await send('succeeds')).toBe('made id-1');
    expect(await send('succeeds', { client: 'bob' })).toBe('made id-2');
    expect(await send('succeeds', { route: 's' })).toBe('made id-3');
    expect(await send('succeeds', { client: 'ann\0r', route: '' })).toBe('made id-4');
  });

  it('is free again where the submission failed', async () => {
    const { send } = service();
    expect(await send('fails')).toBe('failed');
    expect(await send('succeeds', { payload: 'other' })).toBe('made id-2');
  });

  it('is busy while its request is under way, and judged once that has taken too long', async () => {
    for (const [fate, then] of [
      ['dies before', 'made id-4'],
      ['dies half-way', 'made id-4'],
      ['dies after', 'replayed id-1'],
    ] as const) {
      const { send, store } = service();
      expect(await settled(send(fate))).toBe('no answer');
      store.now += staleMs - 1;
      expect(await send('succeeds')).toBe('idempotency_in_progress');
      expect(await send('succeeds', { payload: 'other' })).toBe('idempotency_key_reused');
      store.now += 1;
      expect(await send('succeeds'), fate).toBe(then);
    }
  });

  it('is kept by a submission that could not be undone', async () => {
    const { idempotency, store } = service();
    const request = {
      client: { name: undefined },
      route: 'r',
      key: 'k',
      fingerprint: 'p',
      id: 'a',
      find: () => Promise.resolve('whole' as const),
    };
    const failing = idempotency.run({
      ...request,
      submit: (lease) => {
        lease.keep();
        return Promise.reject(new Error('Redis is away'));
      },
    });
    await expect(failing).rejects.toThrow('away');
    store.now += staleMs;
    const again = idempotency.run({ ...request, id: 'b', submit: () => Promise.resolve('made') });
    expect(await again).toEqual({ replayed: 'a' });
  });

  it('is not used by a submission that took so long that it may be another’s', async () => {
    const { idempotency, store } = service();
    const slow = idempotency.run({
      client: { name: undefined },
      route: 'r',
      key: 'k',
      fingerprint: 'p',
      id: 'a',
      find: () => Promise.resolve('absent'),
      submit: (lease) => {
        lease.check();
        store.now += staleMs / 2 + 1;
        lease.check();
        return Promise.resolve();
      },
    });
    await expect(slow).rejects.toMatchObject({ code: 'redis_unavailable', retryable: true });
  });

  it('follows its model, whatever comes in whatever order', async () => {
    const event = fc.record({
      fate: fc.constantFrom('succeeds', 'fails', 'dies before', 'dies half-way', 'dies after'),
      client: fc.constantFrom('ann', 'bob'),
      key: fc.constantFrom('k', 'l'),
      payload: fc.constantFrom('p', 'q'),
      afterMs: fc.constantFrom(0, 1, staleMs - 1, staleMs),
      forgotten: fc.integer({ min: 0, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const { send, store, things } = service();
        const model = new Map<string, { id: string; payload: string; done: boolean; since: number }>();
        for (const [index, { fate, client, key, payload, afterMs, forgotten }] of events.entries()) {
          store.now += afterMs;
          // The retention of what was made long ago ends.
          if (forgotten < index) things.delete(`id-${forgotten}`);
          const name = `${client} ${key}`;
          const known = model.get(name);
          const busy = known?.done === false && store.now - known.since < staleMs;
          const standing = known === undefined ? 'absent' : (things.get(known.id) ?? 'absent');
          const there = known !== undefined && (known.done ? standing !== 'absent' : standing === 'whole');
          const answer = await settled(send(fate, { client, key, payload }));
          const id = `id-${index + 1}`;
          if (known !== undefined && (busy || there)) {
            const same = busy ? 'idempotency_in_progress' : `replayed ${known.id}`;
            expect(answer).toBe(known.payload === payload ? same : 'idempotency_key_reused');
            if (answer.startsWith('replayed')) known.done = true;
            expect(things.has(id)).toBe(false);
            continue;
          }
          expect(answer).toBe(fate === 'succeeds' ? `made ${id}` : fate === 'fails' ? 'failed' : 'no answer');
          if (fate === 'fails') model.delete(name);
          else model.set(name, { id, payload, done: fate === 'succeeds', since: store.now });
        }
      }),
    );
  });
});

describe('a fingerprint', () => {
  const of = (options: JobOptions): string => jobFingerprint('r', { digest: 'd' }, options, 'resnet50');

  it('does not depend on how a request is written', () => {
    const asJson = parseOptions({
      webhook_url: 'https://example.com/',
      webhook_events: ['job.failed', 'job.succeeded', 'job.failed'],
      metadata: { b: '2', a: '1' },
      top_k: 5,
      priority: 0,
      model: 'resnet50',
    });
    const asText = parseTextOptions([
      ['metadata', '{"a":"1","b":"2"}'],
      ['webhook_events', 'job.succeeded,job.failed'],
      ['webhook_url', 'https://example.com/'],
    ]);
    expect(of(asJson)).toBe(of(asText));
    expect(of(parseOptions({ metadata: {} }))).toBe(of(parseOptions({})));
    expect(of(parseOptions({ explain: false }))).toBe(of(parseOptions({})));
  });

  it('depends on everything that is asked for', () => {
    const base = { top_k: 5, priority: 0 };
    const others: JobOptions[] = [
      base,
      { ...base, top_k: 4 },
      { ...base, priority: 1 },
      { ...base, min_score: 0.1 },
      { ...base, ttl_seconds: 1 },
      { ...base, explain: true },
      { ...base, model: 'other' },
      { ...base, metadata: { a: '1' } },
      { ...base, webhook_url: 'https://example.com/' },
      { ...base, webhook_url: 'https://example.com/', webhook_events: ['job.failed'] },
    ];
    const prints = [
      ...others.map(of),
      jobFingerprint('s', { digest: 'd' }, base, 'resnet50'),
      jobFingerprint('r', { digest: 'e' }, base, 'resnet50'),
      jobFingerprint('r', { url: 'd' }, base, 'resnet50'),
    ];
    expect(new Set(prints).size).toBe(prints.length);
  });

  it('of any JSON is that of the same JSON with its members in another order, and of no other', () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== 'object' || value === null) return value;
      const members = Object.entries(value).reverse();
      return Object.fromEntries(members.map(([name, member]) => [name, reversed(member)]));
    };
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(fingerprintOf(reversed(a))).toBe(fingerprintOf(a));
        const same = fingerprintOf(a) === fingerprintOf(b);
        if (same) expect(a).toEqual(b);
      }),
    );
  });
});
