/*
 * A lock between processes, also across containers that share the models volume.
 *
 * States of one process:  waiting → holding → released;  waiting → aborted.
 * States of the lock file: absent, alive (its holder touches it every HEARTBEAT_MS), abandoned.
 * Transitions: absent → alive by an exclusive create (O_EXCL); alive → absent by the holder's release;
 *   alive → abandoned when the holder's process is gone (same host) or when a waiter saw no heartbeat for STALE_MS on
 *   its own monotonic clock (other hosts: nobody compares two machines' clocks); abandoned → absent by a rename that
 *   one waiter wins.
 * Invariant: a lock file carries its holder's token, and only that holder, or a waiter that saw it abandoned, takes
 *   it away; a waiter that finds it renamed another's file puts it back.
 * Trade-off: a holder that is suspended for longer than STALE_MS loses the lock and there may be two. That costs a
 *   second download and nothing else: folders are moved into place whole and verified by hash before.
 * Why not proper-lockfile 4.1: its lock is a folder without a holder. The lock of a killed process blocks for the stale
 *   time, no waiter can say whom it waits for, and two machines' clocks are compared. It also takes no AbortSignal.
 */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from './errors.js';

const HEARTBEAT_MS = 2_000;
const STALE_MS = 15_000;
const POLL_MS = 100;
const REMIND_MS = 10_000;

export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called when waiting begins and every 10 s after, with who holds the lock. */
  readonly onWait: (holder: LockHolder | undefined, waitedMs: number) => void;
  readonly staleMs?: number;
}

export type Release = () => Promise<void>;

/** Waits until the lock at `path` is this caller's; its folder must exist. Rejects with the signal's reason. */
export async function acquireLock(path: string, options: LockOptions): Promise<Release> {
  const { signal, onWait, staleMs = STALE_MS } = options;
  const began = performance.now();
  let reminded = Number.NEGATIVE_INFINITY;
  let seen: { readonly beat: string; readonly at: number } | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const release = await tryAcquire(path);
    if (release !== undefined) return release;
    const current = await inspect(path);
    if (current === undefined) continue;
    const now = performance.now();
    if (seen?.beat !== current.beat) seen = { beat: current.beat, at: now };
    if (isGone(current.holder) || now - seen.at >= staleMs) {
      await takeAway(path, current.text);
      seen = undefined;
      continue;
    }
    if (now - reminded >= REMIND_MS) {
      reminded = now;
      onWait(current.holder, now - began);
    }
    await sleep(POLL_MS, undefined, signal ? { signal } : {});
  }
}

async function tryAcquire(path: string): Promise<Release | undefined> {
  const holder: LockHolder = { pid: process.pid, host: hostname(), token: randomUUID() };
  // The content appears together with the file (link of a finished file), so no waiter ever reads half a lock.
  const draft = `${path}.${holder.token}`;
  await writeFile(draft, JSON.stringify(holder));
  try {
    await link(draft, path);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined;
    // File systems without hard links (some network mounts): exclusive create, then fill.
    if (!(await createExclusive(path, JSON.stringify(holder)))) return undefined;
  } finally {
    await rm(draft, { force: true });
  }
  const timer = setInterval(() => {
    const now = new Date();
    // A failed touch only makes the lock look older; release and takeover still work.
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    const current = await inspect(path);
    if (current?.holder?.token === holder.token) await rm(path, { force: true });
  };
}

async function createExclusive(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

interface Inspection {
  readonly text: string;
  readonly holder: LockHolder | undefined;
  /** Changes whenever the holder is alive or another. */
  readonly beat: string;
}

async function inspect(path: string): Promise<Inspection | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    return { text, holder: parseHolder(text), beat: `${text}@${mtimeMs}` };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, host, token } = value as Partial<Record<keyof LockHolder, unknown>>;
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof token !== 'string') return undefined;
    return { pid, host, token };
  } catch {
    return undefined;
  }
}

/** True only where it is certain: same host, and no process of that number. */
function isGone(holder: LockHolder | undefined): boolean {
  if (holder?.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}

async function takeAway(path: string, expected: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  // Another waiter may have been quicker and hold the lock by now: then this is its file, and goes back.
  if ((await readFile(aside, 'utf8')) !== expected) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
