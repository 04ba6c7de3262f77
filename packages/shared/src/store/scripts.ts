/**
 * What runs inside Redis: a Lua file for each script, lua/<name>-<number of keys>.lua, where `n` leaves the number to
 * the caller. A line `-- include <name>` is replaced by lua/include/<name>.lua.
 *
 * Invariants: a script is given every key that it touches, all of one slot. It touches a bounded number of keys and of
 * their elements, so that no call holds Redis up for long (test/integration/scripts.test.ts watches both). More is done
 * in pieces, outside.
 * Trade-off: where only Redis knows a key that a script needs, the script changes nothing, replies with that key, and
 * is called again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

/** What each replies. */
interface Replies {
  'ask-result': string | 0 | 1;
  'begin-suspect': number;
  'cancel-batch': null;
  'claim-idempotency-key': [state: 'pending' | 'done', fingerprint: string, id: string, ageMs: number] | null;
  'create-finished-job': 0 | 1;
  'finish-job': 'finished' | 'finished_batch' | 'already_finished' | 'unknown_job' | [openKey: string, batch: string];
  'hold-claim': null;
  'hold-open': number;
  'keep-image': 0 | 1;
  'keep-jobs': 0 | 1;
  'keep-open': null;
  'note-delivery': 0 | 1;
  'read-ended': [now: number, even: string | null, odd: string | null];
  'release-idempotency-key': null;
  'seal-batch': 'sealed' | 'finished_batch' | 'unknown_batch';
  'settle-idempotency-key': null;
  'take-rate': [count: number, ttlMs: number];
  'write-correction': 0 | 1;
}
export type ScriptName = keyof Replies;

interface Script {
  readonly lua: string;
  /** Undefined where the caller says how many. */
  readonly keys: number | undefined;
}

/** What runs in dist reads them here too: no build has to copy them, and deploy/trim.sh leaves them in the images. */
const folder = new URL('../../src/store/lua/', import.meta.url);

const scripts = new Map(
  readdirSync(folder).flatMap((file): [ScriptName, Script][] => {
    const [, name, keys] = /^([a-z-]+)-(\d+|n)\.lua$/.exec(file) ?? [];
    return name === undefined
      ? []
      : [[name as ScriptName, { lua: read(file), keys: keys === 'n' ? undefined : Number(keys) }]];
  }),
);

function read(file: string): string {
  const text = readFileSync(new URL(file, folder), 'utf8');
  return text.replace(/^-- include (\S+)$/gm, (_, name: string) => read(`include/${name}.lua`));
}

/** The names of all scripts. */
export const scriptNames: readonly ScriptName[] = [...scripts.keys()];

/** A script, for a library that sends it by itself. */
export function scriptOf(name: ScriptName): Script {
  const script = scripts.get(name);
  if (script === undefined) throw new Error(`there is no script ${name}`);
  return script;
}

/** Runs a script on `keys`. It is given to the connection in this turn of the event loop. */
export function runScript<Name extends ScriptName>(
  redis: Redis,
  name: Name,
  keys: readonly string[],
  ...words: readonly (string | number | Buffer)[]
): Promise<Replies[Name]> {
  const script = scriptOf(name);
  if (keys.length !== (script.keys ?? keys.length)) throw new Error(`${name} takes ${script.keys} keys`);
  const command = `quintet:${name}`;
  if (!(command in redis)) redis.defineCommand(command, { lua: script.lua });
  const commands = redis as unknown as Record<string, (...all: unknown[]) => Promise<Replies[Name]>>;
  const run = commands[command];
  if (run === undefined) throw new Error(`${command} is not defined`);
  return run.call(redis, keys.length, ...keys, ...words);
}
