/**
 * Finds out how a model runs best on this machine, once, and remembers it.
 *
 * cached → used; not cached → (lock) → looked up again → tuning process → kept → used. The lock lies beside the model, so
 * that of several workers that share a models folder one measures, undisturbed, and the others read what it found. What was measured
 * on a busy machine is neither kept nor used (measure.ts): it would be another layout at each start. Then, and where the first
 * answer is not to wait for it, the worker runs with the defaults, and the measurement remains due (idle-tuning.ts).
 * Nothing here is fatal: where a folder cannot be written the finding is not kept, where the tuning process fails the
 * defaults run, and each is said in one line. A provider that does not work fails again, with its reason, when the streams
 * start.
 */
import { fork } from 'node:child_process';
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { acquireLock, type Model } from '@quintet/models';
import type { Logger } from '@quintet/shared';
import type { InputSpec } from '../inference/normalize.js';
import type { ModelFile, Provider } from '../inference/thread-protocol.js';
import { candidateBatches, candidateLayouts, layoutText, type Fixed, type ProfileRow } from './layouts.js';
import { disturbance, type Conditions } from './measure.js';
import { machineKey, TuningCache, type Measured, type ProfileFile } from './tuning-cache.js';
import type { TuningReply, TuningRequest } from './tuning-process.js';

export interface TuneOptions {
  /** The model's own file, not prepared. */
  readonly file: ModelFile;
  /** `sha256:…` of that file. */
  readonly version: string;
  /** Where to keep what is found: the first that can be written. Beside the model, where other workers find it too. */
  readonly folders: readonly string[];
  readonly provider: Provider;
  readonly cores: number;
  readonly input: InputSpec;
  readonly classes: number;
  readonly fixed: Fixed;
  /** `auto` uses what was kept, else measures; `idle` leaves that for later; `fresh` measures again, `off` measures nothing. */
  readonly profile: 'auto' | 'idle' | 'fresh' | 'off';
  readonly logger: Logger;
  /** Ends the tuning early; it then rejects. */
  readonly signal?: AbortSignal | undefined;
}

export interface Tuning {
  readonly file: ModelFile;
  /** Empty where nothing was measured. */
  readonly rows: readonly ProfileRow[];
  readonly source: 'measured' | 'cached' | 'none';
  /** Whether it is still to be measured. */
  readonly isDue: boolean;
}

/** For all measurements of one start. */
const measureLimitMs = 16_000;
/** The tuning process is ended after this: 20 s with all that is around the measurement. */
const processLimitMs = 19_500;
/** Below this size there is little to share between sessions. */
const leastPreparedBytes = 4 * 1024 * 1024;

/** Where what tuning finds is kept. A model's folder may be mounted read-only. */
export function tuningFolders({ dir, manifest }: Model, dataDir: string): readonly string[] {
  return [join(dir, 'cache'), join(resolve(dataDir), 'cache', manifest.name)];
}

export async function tune(options: TuneOptions): Promise<Tuning> {
  const { file, provider, cores, fixed, folders, version, profile, logger } = options;
  const layouts = candidateLayouts(provider, cores, fixed);
  const batches = candidateBatches(provider, fixed);
  const isOpen = layouts.length > 1 || fixed.maxBatch === undefined;
  const wanted: Wanted = {
    profile: profile === 'off' || !isOpen ? undefined : { layouts, batches },
    fresh: profile === 'fresh',
    later: profile === 'idle',
    prepared: provider === 'cpu' && (await stat(file.path)).size >= leastPreparedBytes,
  };
  const key = machineKey({
    model: version,
    provider,
    cores,
    exactInt8: file.exactInt8,
    features: file.extension?.output,
  });
  const caches = folders.map((folder) => new TuningCache(folder, key));
  for (const cache of caches) {
    const known = await lookUp(cache, wanted);
    if (isComplete(known, wanted)) return tuningOf(known, file, 'cached');
  }
  try {
    const { cache, scratch } = await firstWritable(caches);
    const lock = { waited: false };
    const release = await acquireLock(join(cache.folder, 'lock'), {
      ...(options.signal && { signal: options.signal }),
      onWait: () => {
        lock.waited = true;
        logger.info('another worker tunes this model; waiting for what it finds');
      },
    });
    try {
      // Whoever held the lock may have measured; `fresh` asks for numbers of its own.
      const found = await lookUp(cache, wanted);
      if (isComplete(found, wanted)) return tuningOf(found, file, 'cached');
      // Where nothing was kept the machine was busy a moment ago.
      const later = wanted.later || (lock.waited && !wanted.fresh);
      if (later && (!wanted.prepared || found.prepared !== undefined))
        return due(tuningOf(found, file, 'cached'), wanted);
      return await runTuning(options, { cache, scratch, wanted: { ...wanted, later }, found });
    } finally {
      await release();
      await rm(scratch, { recursive: true, force: true });
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    logger.warn({ error }, 'the model could not be tuned for this machine; it runs with default settings');
    return { file, rows: [], source: 'none', isDue: false };
  }
}

/** A folder that can be written, with an empty folder in it; throws the last one's reason. */
async function firstWritable(caches: readonly TuningCache[]): Promise<{ cache: TuningCache; scratch: string }> {
  let reason: unknown = new Error('there is no folder to keep anything in');
  for (const cache of caches) {
    try {
      return { cache, scratch: await cache.preparationFolder() };
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

interface Wanted {
  readonly profile: Measured | undefined;
  readonly fresh: boolean;
  /** Whether it is measured another time. */
  readonly later: boolean;
  readonly prepared: boolean;
}

interface Found {
  readonly profile: ProfileFile | undefined;
  readonly prepared: string | undefined;
}

async function lookUp(cache: TuningCache, wanted: Wanted): Promise<Found> {
  return {
    profile: wanted.profile === undefined || wanted.fresh ? undefined : await cache.readProfile(wanted.profile),
    prepared: wanted.prepared ? await cache.readPrepared() : undefined,
  };
}

function isComplete({ profile, prepared }: Found, wanted: Wanted): boolean {
  return (wanted.profile === undefined || profile !== undefined) && (!wanted.prepared || prepared !== undefined);
}

function tuningOf({ profile, prepared }: Found, file: ModelFile, source: 'measured' | 'cached'): Tuning {
  return {
    file: prepared === undefined ? file : { ...file, path: prepared, prepared: true },
    rows: profile?.rows ?? [],
    source: profile === undefined ? 'none' : source,
    isDue: false,
  };
}

/** A tuning without a measurement that was wanted. */
const due = (tuning: Tuning, wanted: Wanted): Tuning => ({ ...tuning, isDue: wanted.profile !== undefined });

interface Work {
  readonly cache: TuningCache;
  readonly scratch: string;
  readonly wanted: Wanted;
  readonly found: Found;
}

/** Does what is missing. Runs under the lock. */
async function runTuning(options: TuneOptions, { cache, scratch, wanted, found }: Work): Promise<Tuning> {
  const { file, provider, input, classes, cores, logger } = options;
  const prepare = wanted.prepared && found.prepared === undefined;
  const measure = found.profile === undefined && !wanted.later ? wanted.profile : undefined;
  logger.info(
    { provider, layouts: measure?.layouts.map(layoutText), batches: measure?.batches },
    measure === undefined ? 'preparing the model for this machine' : 'finding the best settings for this machine',
  );
  const rows: ProfileRow[] = [];
  const heard: { prepared: boolean; conditions?: Conditions } = { prepared: false };
  await converse(
    {
      file: found.prepared === undefined ? file : { ...file, path: found.prepared, prepared: true },
      provider,
      input,
      classes,
      prepareIn: prepare ? scratch : undefined,
      measure: measure && { ...measure, limitMs: measureLimitMs },
    },
    (reply) => {
      if (reply.type === 'prepared') heard.prepared = true;
      if (reply.type === 'unprepared') {
        logger.warn({ reason: reply.reason }, 'the model is used as it is: it cannot be prepared for this machine');
      }
      if (reply.type === 'row') {
        rows.push(reply.row);
        heard.conditions = reply.conditions;
        const { batch, imagesPerSecond, latencyMs } = reply.row;
        const speed = `${imagesPerSecond.toFixed(1)} images/s, ${latencyMs.toFixed(1)} ms a batch`;
        logger.info({ ...reply.row }, `measured ${layoutText(reply.row)}, batches of ${batch}: ${speed}`);
      }
    },
    options.signal,
  );
  const prepared = heard.prepared ? await cache.keepPrepared(scratch) : found.prepared;
  if (measure === undefined) {
    const tuning = tuningOf({ ...found, prepared }, file, 'cached');
    return found.profile === undefined ? due(tuning, wanted) : tuning;
  }
  const reason =
    heard.conditions === undefined
      ? `nothing was measured within ${processLimitMs / 1000} s`
      : disturbance(heard.conditions, cores);
  if (reason !== undefined) {
    logger.warn({ ...heard.conditions }, `what was measured is not kept, as ${reason}; it is measured again when idle`);
    return due(tuningOf({ profile: undefined, prepared }, file, 'cached'), wanted);
  }
  const profile: ProfileFile = { key: cache.key, ...measure, measured_at: new Date().toISOString(), rows };
  await cache.writeProfile(profile);
  return tuningOf({ profile, prepared }, file, 'measured');
}

/** Starts the tuning process, hears it out, and rejects if it fails or takes too long. What it said before counts. */
function converse(request: TuningRequest, onReply: (reply: TuningReply) => void, signal?: AbortSignal): Promise<void> {
  const child = fork(new URL('../../dist/profile/tuning-process.js', import.meta.url), {
    execArgv: [],
    serialization: 'advanced',
    // Its standard output is not the log.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      // What came is good; what is missing is as if it had not been asked for.
      resolve();
    }, processLimitMs);
    const abort = (): void => {
      child.kill('SIGKILL');
      end(() => {
        reject(signal?.reason as Error);
      });
    };
    const end = (settle: () => void): void => {
      clearTimeout(limit);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    if (signal?.aborted === true) {
      abort();
      return;
    }
    signal?.addEventListener('abort', abort, { once: true });
    child.on('message', (reply: TuningReply) => {
      if (reply.type === 'done') end(resolve);
      else if (reply.type === 'failed') {
        end(() => {
          reject(new Error(reply.reason));
        });
      } else {
        onReply(reply);
      }
    });
    child.once('error', (error) => {
      end(() => {
        reject(error);
      });
    });
    child.once('exit', (code, signal) => {
      end(() => {
        reject(new Error(`the tuning process ended with ${code ?? signal ?? 'no reason'}`));
      });
    });
    child.send(request);
  });
}
