/** Clients and receivers that behave badly: too many, too slow, or on purpose. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { full } from '../support/full.js';
import { eventually } from '../support/service-process.js';
import { badKinds, startBadReceivers } from './support/bad-receivers.js';
import { OpenLoad, quantile } from './support/open-load.js';
import type { Picture } from './support/pictures.js';
import { residentMegabytes, startStand, type Stand } from './support/stand.js';

const depth = full ? 40 : 16;
let stand: Stand;
let small: Picture;

beforeAll(async () => {
  stand = await startStand({
    env: { MAX_QUEUE_DEPTH: String(depth), WEBHOOK_TIMEOUT_SECONDS: '2', WEBHOOK_SCHEDULE_SECONDS: '0,1,1' },
  });
  const [first, ...others] = stand.pictures;
  if (first === undefined) throw new Error('there is no picture');
  small = others.reduce((least, next) => (next.bytes.length < least.bytes.length ? next : least), first);
});
afterAll(() => stand.stop());

/** Pictures a second, of this service, now. */
async function capacity(): Promise<number> {
  const load = stand.load({ pictures: [small], clients: 12, pauseMs: 0, ways: ['wait'] });
  await load.more(30);
  const started = performance.now();
  const before = load.accepted.length;
  await delay(full ? 5000 : 1000);
  const rate = ((load.accepted.length - before) * 1000) / (performance.now() - started);
  await load.stop();
  return rate;
}

describe('overload', () => {
  it('of four times the capacity: what is accepted ends, the rest is told so sooner than others are accepted', async () => {
    let rate = 4 * (await capacity());
    const load = new OpenLoad(stand.urls[0] ?? '', small);
    // Long enough to fill the queue twice: what it holds is accepted beside what is done.
    const seconds = Math.max(full ? 120 : 4, (8 * depth) / rate);
    await load.run(rate, seconds * 1000);
    // The capacity was another one where other work on this machine has ended meanwhile.
    while (load.refused.length <= load.accepted.length) await load.run((rate *= 2), seconds * 1000);
    const recoverySeconds = await stand.recovery();
    const refusal = quantile(
      load.refused.map(({ ms }) => ms),
      0.99,
    );
    const typicalRefusal = quantile(
      load.refused.map(({ ms }) => ms),
      0.5,
    );
    const machine = quantile(load.probes, 0.99);
    const accepting = quantile(
      load.answers.filter(({ status }) => status === 202).map(({ ms }) => ms),
      0.99,
    );
    const ledger = await stand.book(`overload, ${rate.toFixed(0)}/s for ${seconds.toFixed(0)} s`, load, {
      recoverySeconds,
      note: ({ jobs }) => {
        const times = [...jobs.values()].map((job) => Date.parse(job.finished_at ?? '') - Date.parse(job.created_at));
        const latency = quantile(times, 0.99);
        return (
          `${load.refused.length} refused, p50 ${typicalRefusal.toFixed(0)} and p99 ${refusal.toFixed(0)} ms (/health/live: ${machine.toFixed(0)}); accepted: answer p99 ${accepting.toFixed(0)} ms, ` +
          `result p99 ${latency.toFixed(0)} ms`
        );
      },
    });
    expect(load.broken).toEqual([]);
    expect(ledger.accepted).toBeGreaterThan(0);
    for (const { code, retryAfter } of load.refused) {
      expect(code).toBe('queue_full');
      expect(Number(retryAfter)).toBeGreaterThan(0);
    }
    // Four times what the two cores can do is also what the clients take of them: `bench -- full` measures the tail.
    expect(typicalRefusal).toBeLessThan(accepting);
  });

  it('by a thousand idle connections and a slow loris: others are served beside them', async () => {
    const { api } = stand.stack;
    const before = residentMegabytes(api.process.pid) ?? 0;
    const sockets: Socket[] = [];
    let ended = 0;
    const open = (): Socket => {
      const socket = connect({ port: api.port, host: '127.0.0.1' });
      socket.on('error', () => undefined);
      socket.on('close', () => (ended += 1));
      socket.resume();
      sockets.push(socket);
      return socket;
    };
    for (let count = 0; count < 1000; count += 1) open();
    const lorises = Array.from({ length: 200 }, open);
    for (const loris of lorises) loris.write('POST /v1/jobs HTTP/1.1\r\nHost: quintet\r\n');
    const drip = setInterval(() => {
      for (const loris of lorises) if (loris.writable) loris.write('X');
    }, 1000);
    // Each waits for its answer, so that no queue becomes full.
    const load = stand.load({ clients: 4, pauseMs: 50, ways: ['wait'] });
    await load.more(full ? 300 : 60);
    await load.stop();
    expect([...load.failures]).toEqual([]);
    const slowest = quantile(
      load.latencies.map(({ ms }) => ms),
      0.99,
    );
    // Whoever does not send a request within its time is shown the door.
    if (full) {
      await eventually(() => {
        expect(ended).toBe(sockets.length);
      });
    }
    clearInterval(drip);
    const grown = (residentMegabytes(api.process.pid) ?? 0) - before;
    for (const socket of sockets) socket.destroy();
    await stand.book('1000 idle connections, 200 slow ones', load, {
      recoverySeconds: 0,
      note: `answers p99 ${slowest.toFixed(0)} ms, API ${grown.toFixed(0)} MB more`,
    });
    expect(grown).toBeLessThan(150);
  });
});

describe('receivers', () => {
  it('that hang, drip, redirect, break and are gone: the others get theirs', async () => {
    const bad = await startBadReceivers();
    const each = full ? 10 : 3;
    const loads = badKinds.map((kind) =>
      stand.load({
        clients: 1,
        pauseMs: 20,
        ways: ['plain'],
        query: { webhook_url: bad.url(kind, 'x') },
      }),
    );
    const good = stand.load({ clients: 3, pauseMs: 50, ways: ['webhook'] });
    // The one that is gone says so once; what names it from then on is refused at the door.
    const wanted = loads.map((load, index) => load.more(badKinds[index] === 'gone' ? 1 : each));
    await Promise.all([...wanted, good.more(full ? 60 : 20)]);
    const gone = loads[badKinds.indexOf('gone')];
    await eventually(() => {
      expect(gone?.failures.get('422 webhook_endpoint_disabled')).toBeGreaterThan(0);
    });
    for (const load of [...loads, good]) await load.stop();
    const started = performance.now();
    const owed = good.accepted.filter(({ webhookAt }) => stand.receiver.at(webhookAt ?? '').length === 0);
    while (owed.some(({ webhookAt }) => stand.receiver.at(webhookAt ?? '').length === 0)) await delay(20);
    const recoverySeconds = (performance.now() - started) / 1000;
    const accepted = [...good.accepted, ...loads.flatMap((load) => load.accepted)];
    await stand.book(
      'receivers that misbehave',
      { accepted },
      {
        recoverySeconds,
        note: `attempts: ${[...bad.attempts].map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
      },
    );
    expect(bad.followed).toBe(0);
    for (const kind of badKinds) expect(bad.attempts.get(kind)).toBeGreaterThan(0);
    bad.stop();
  });
});
