/**
 * Hostile files against the real thing: API, Redis and worker as processes, files through HTTP, several at once, with good
 * pictures in between whose answer is known.
 *
 * A file breaks the promise if it is answered by 5xx or by an unknown code, takes over 5 s, or takes over 400 MB in a process.
 * What is slow, or was under way when the memory rose, is tried again alone before it is blamed: beside three others on two
 * cores nobody is at fault alone. Alone it is judged by CPU time, which no other process of the machine adds to. A process that
 * died or is no longer ready ends the run, and so does a job that does not end: a stall. On a machine with so much other work that
 * the services hardly run, late timers and 503s prove nothing; the run says so where it does not judge them. A file that succeeds
 * breaks the promise, too, where Pillow refuses it.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeImage } from '../../fixtures/images/index.js';
import type { Stack } from '../stack.js';
import type { HostileCase } from './corpus.js';
import { documentedReason } from './pillow-differences.js';
import type { Pillow } from './pillow.js';
import { ask, mostMilliseconds, postCase, stalledMilliseconds, type Verdict } from './post-case.js';
import {
  canMeasure,
  cpuMilliseconds,
  forgetPeak,
  mainThreadTime,
  peakMegabytes,
  residentMegabytes,
  type MainThreadTime,
} from './process-usage.js';

/** How much one file may take of a process. */
export const mostMegabytes = 400;
/**
 * Megabytes by which a process may grow with several files at once: what its limits allow together. The costliest picture
 * that may be decoded (MAX_DECODE_BYTES, 400), others beside the next one (0.42 of that), the heap of the HEIC thread before it is
 * ended (128), and a tenth more, which the allocator keeps of it.
 */
export const mostTogether = 770;
/** Share of the time in which a main thread could run and had no core: past this the machine has other work. */
const mostWaiting = 0.5;
/** A good picture after so many hostile ones. */
const goodEvery = 50;

export interface FuzzOptions {
  /** Files; the run ends with them, or when `until` (as performance.now() counts) has come. */
  readonly cases: AsyncIterable<HostileCase> | Iterable<HostileCase>;
  readonly until?: number;
  /** How many at once. */
  readonly parallel: number;
  readonly say?: (line: string) => void;
  /** Is asked about every file that has succeeded. */
  readonly pillow?: Pillow | undefined;
}

export interface FuzzReport {
  readonly verdicts: readonly Verdict[];
  readonly violations: readonly string[];
  /** Files whose jobs did not end. */
  readonly stalls: readonly string[];
  /** Most memory over the level before, in megabytes, by process. */
  readonly growth: Readonly<Record<'api' | 'worker', number>>;
  /** The same by kind of file, both processes together: of all that were under way. */
  readonly growthByKind: ReadonlyMap<string, number>;
  readonly goodAnswers: number;
  /** By kind of file: how many succeeded that Pillow refuses, for no reason that pillow-differences.ts has. */
  readonly refusedByPillow: ReadonlyMap<string, number>;
  /** How many Pillow refuses, by the documented reason why they are read nevertheless; and how many it could not judge. */
  readonly allowed: ReadonlyMap<string, number>;
  readonly notCompared: number;
}

interface Watched {
  readonly role: 'api' | 'worker';
  readonly pid: number;
  readonly level: number;
  readonly time: MainThreadTime;
}

export async function fuzz(stack: Stack, options: FuzzOptions): Promise<FuzzReport> {
  const { parallel, until = Infinity, say = () => undefined, pillow } = options;
  const good = await makeImage({ format: 'jpeg', width: 320, height: 240 });
  const heic = await makeImage({ format: 'heic', width: 64, height: 48 });
  const expected = await topOf(stack.url, good);
  // The level before: what stays once every decoder has been used.
  for (let i = 0; i < 20; i += 1) await Promise.all([topOf(stack.url, good), topOf(stack.url, heic)]);
  const [worker] = stack.workers;
  if (worker === undefined) throw new Error('the stack has no worker');
  const watched: Watched[] = (['api', 'worker'] as const).map((role) => {
    const pid = (role === 'api' ? stack.api : worker).process.pid ?? 0;
    if (canMeasure) forgetPeak(pid);
    const time = canMeasure ? mainThreadTime(pid) : { ranMs: 0, waitedMs: 0 };
    return { role, pid, level: canMeasure ? residentMegabytes(pid) : 0, time };
  });

  const verdicts: Verdict[] = [];
  const violations: string[] = [];
  const stalls: string[] = [];
  const growth = { api: 0, worker: 0 };
  const growthByKind = new Map<string, number>();
  const suspects = new Map<string, { each: HostileCase; bytes: Buffer }>();
  const refusedByPillow = new Map<string, number>();
  const allowed = new Map<string, number>();
  let notCompared = 0;
  let folder: string | undefined;
  let goodAnswers = 0;
  let stopped = false;

  const blame = async (each: HostileCase, bytes: Buffer, what: string, list = violations): Promise<void> => {
    folder ??= await mkdtemp(join(tmpdir(), 'quintet-fuzz-'));
    const file = join(folder, each.name.replaceAll(/[^\w.-]+/g, '_'));
    await writeFile(file, bytes);
    list.push(`${each.name} ${what}; kept as ${file}`);
    say(`!! ${list.at(-1) ?? ''}`);
  };
  const dead = (): string | undefined => {
    const gone = [stack.api, worker].find(({ process: p }) => p.exitCode !== null || p.signalCode !== null);
    return gone === undefined ? undefined : `${gone === worker ? 'the worker' : 'the API'} died`;
  };
  /** Reads the peaks and starts them anew. */
  const measure = (): number => {
    if (!canMeasure) return 0;
    let most = 0;
    for (const { role, pid, level } of watched) {
      const over = peakMegabytes(pid) - level;
      growth[role] = Math.max(growth[role], over);
      most = Math.max(most, over);
      forgetPeak(pid);
    }
    return most;
  };

  /** A picture that Pillow refuses must not be one here. */
  const compare = async (each: HostileCase, bytes: Buffer): Promise<void> => {
    const opinion = await pillow?.judge(bytes);
    if (opinion === undefined || 'unable' in opinion) notCompared += 1;
    else if (opinion.refused !== null) {
      const reason = documentedReason(bytes, opinion.refused);
      const counts = reason === undefined ? refusedByPillow : allowed;
      counts.set(reason ?? each.kind, (counts.get(reason ?? each.kind) ?? 0) + 1);
      if (reason === undefined) await blame(each, bytes, `succeeded, and Pillow refuses it (${opinion.refused})`);
    }
  };

  const underWay = new Map<string, { each: HostileCase; bytes: Buffer }>();
  const run = async (each: HostileCase): Promise<void> => {
    const bytes = Buffer.from(await each.make());
    underWay.set(each.name, { each, bytes });
    const verdict = await postCase(stack.url, each, bytes);
    if (dead() === undefined) {
      const over = measure();
      for (const other of underWay.values()) {
        growthByKind.set(other.each.kind, Math.max(growthByKind.get(other.each.kind) ?? 0, over));
        if (over > mostMegabytes) suspects.set(other.each.name, other);
      }
    }
    underWay.delete(each.name);
    verdicts.push(verdict);
    if (verdict.outcome === 'succeeded') await compare(each, bytes);
    if (verdict.outcome === 'stalled') {
      stopped = true;
      await blame(each, bytes, `has not ended after ${stalledMilliseconds / 1000} s`, stalls);
    } else if (verdict.violation !== undefined) await blame(each, bytes, verdict.violation);
    else if (verdict.busy || verdict.milliseconds > mostMilliseconds) suspects.set(each.name, { each, bytes });
    const death = dead();
    if (death !== undefined && !stopped) {
      stopped = true;
      for (const other of [{ each, bytes }, ...underWay.values()])
        await blame(other.each, other.bytes, `was under way when ${death}`);
    }
    if (!stopped && verdicts.length % goodEvery === 0) {
      const answer = await topOf(stack.url, good);
      if (answer === expected) goodAnswers += 1;
      else violations.push(`after ${each.name} a good picture was answered by ${answer}, not by ${expected}`);
    }
  };

  const iterator = iterate(options.cases);
  const lane = async (): Promise<void> => {
    while (!stopped && performance.now() < until) {
      const next = await iterator.next();
      if (next.done === true) return;
      await run(next.value);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));

  for (const { each, bytes } of suspects.values()) {
    if (dead() !== undefined || stalls.length > 0) break;
    measure();
    const before = watched.map(({ pid }) => (canMeasure ? residentMegabytes(pid) : 0));
    const cpu = (): number => watched.reduce((total, { pid }) => total + cpuMilliseconds(pid), 0);
    const cpuBefore = canMeasure ? cpu() : 0;
    const again = await postCase(stack.url, each, bytes);
    if (again.violation !== undefined) await blame(each, bytes, `alone ${again.violation}`);
    if (again.busy && watched.some(isCrowded)) say(`${each.name} met a busy service on a busy machine: not judged.`);
    else if (again.busy) await blame(each, bytes, `alone was ${again.outcome}`);
    if (!canMeasure || dead() !== undefined) continue;
    const took = Math.min(again.milliseconds, cpu() - cpuBefore);
    if (took > mostMilliseconds) await blame(each, bytes, `alone took ${Math.round(took)} ms of CPU time`);
    for (const [index, { role, pid }] of watched.entries()) {
      const over = peakMegabytes(pid) - (before[index] ?? 0);
      if (over > mostMegabytes) await blame(each, bytes, `alone took ${Math.round(over)} MB of the ${role}`);
    }
  }
  for (const { role } of watched) {
    if (growth[role] > mostTogether) violations.push(`the ${role} grew by ${Math.round(growth[role])} MB`);
  }
  if (dead() === undefined) {
    const answers = await Promise.all([stack.api, worker].map((each) => each.request('/health/ready')));
    if (answers.some(({ status }) => status !== 200)) violations.push('a service is no longer ready');
    if (watched.some(isCrowded)) say('The machine is busy: timers that came late are not judged.');
    else violations.push(...(await lagViolations(stack)));
  }
  const compared = { refusedByPillow, allowed, notCompared };
  return { verdicts, violations, stalls, growth, growthByKind, goodAnswers, ...compared };
}

async function* iterate(
  cases: AsyncIterable<HostileCase> | Iterable<HostileCase>,
): AsyncGenerator<HostileCase, undefined> {
  yield* cases;
  return undefined;
}

/** The best label of a good picture, or what came in its place. */
async function topOf(url: string, bytes: Buffer): Promise<string> {
  const asked = await ask(url, { body: new Uint8Array(bytes), headers: { 'content-type': 'image/jpeg' } });
  if (asked === undefined) return 'nothing';
  const { status, answer } = asked;
  return answer.predictions?.[0]?.label ?? `${status} ${String(answer.status)}`;
}

/** Whether a main thread waited for a core for so long that a late timer proves nothing. */
function isCrowded({ pid, time }: Watched): boolean {
  if (!canMeasure) return false;
  const now = mainThreadTime(pid);
  const waitedMs = now.waitedMs - time.waitedMs;
  return waitedMs > mostWaiting * (now.ranMs - time.ranMs + waitedMs);
}

/** Timers of a main thread that came over a second late: on a machine that is shared, less than that proves nothing. */
async function lagViolations(stack: Stack): Promise<string[]> {
  const found: string[] = [];
  for (const [name, service] of Object.entries({ api: stack.api, worker: stack.workers[0] })) {
    if (service === undefined) continue;
    const metric = 'quintet_event_loop_lag_seconds';
    const late = (await service.metric(`${metric}_count`)) - (await service.metric(`${metric}_bucket`, { le: '1' }));
    if (late > 0) found.push(`the main thread of the ${name} was held for over 1 s, ${late} times`);
  }
  return found;
}
