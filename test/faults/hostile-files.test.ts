/**
 * Thousands of hostile files: each ends as a picture or as an error that names it, none crashes, hangs, takes over 5 s of CPU time or
 * over 400 MB. A quarter of those that are made by hand and a fifth of the damaged ones (all of them in full) go through the worker's own
 * preprocessing; some through the whole service, where the answers of good pictures in between must stay right. `npm run fuzz`
 * sends all of them there, for as long as one likes.
 */
import { ImageError, inspectImage } from '@quintet/images';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slotBytes } from '../../services/worker/src/batching/crop-slots.js';
import { createPreprocessPool, type PreprocessPool } from '../../services/worker/src/preprocess/index.js';
import { makeImage } from '../fixtures/images/index.js';
import { full } from '../support/full.js';
import { caseNamed, fixedCases, mutationCases, type HostileCase } from '../support/hostile/corpus.js';
import { fuzz } from '../support/hostile/fuzz.js';
import { mostMilliseconds } from '../support/hostile/post-case.js';
import { canMeasure, forgetPeak, peakMegabytes, residentMegabytes } from '../support/hostile/process-usage.js';
import { patienceMs } from '../support/service-process.js';
import { startStack } from '../support/stack.js';

const limits = { maxPixels: 65_000_000, maxDecodeBytes: 400_000_000 };
const seed = 'test';
const lanes = 4;
let pool: PreprocessPool;

beforeAll(async () => {
  const options = {
    spec: { resize: 256, crop: 224, interpolation: 'bilinear' as const },
    ...limits,
    timeoutMs: patienceMs,
  };
  pool = createPreprocessPool(options, new SharedArrayBuffer(lanes * slotBytes(224)), 1);
  await pool.start();
  // Its thread and its memory stay; they are no picture's.
  await pool.preprocess(await makeImage({ format: 'heic', width: 64, height: 48 }), 0);
});
afterAll(() => pool.close());

/** One in so many of the files made by hand, of the damaged ones, and of all files through the service. */
const [oneOfMade, oneOfDamaged, oneOfAll] = full ? [1, 1, 12] : [4, 5, 48];

/** What is wrong with how a file was treated; undefined if nothing is. `isAlone`: nothing else runs in this process. */
async function complaint(each: HostileCase, slot: number, isAlone: boolean): Promise<string | undefined> {
  const bytes = Buffer.from(await each.make());
  const cpuBefore = process.cpuUsage();
  try {
    inspectImage(bytes, limits);
  } catch (error) {
    if (!(error instanceof ImageError)) return `${each.name}: the check threw ${String(error)}`;
  }
  try {
    await pool.preprocess(bytes, slot);
  } catch (error) {
    if (!(error instanceof ImageError)) return `${each.name}: ${String(error)}`;
    if (error.code === 'image_decode_timeout') return `${each.name}: timed out`;
  }
  if (!isAlone) return undefined;
  const { user, system } = process.cpuUsage(cpuBefore);
  const milliseconds = (user + system) / 1000;
  return milliseconds > mostMilliseconds ? `${each.name}: took ${Math.round(milliseconds)} ms of CPU time` : undefined;
}

describe('hostile files', () => {
  it('made by hand cost no more than they may, one by one', async () => {
    const complaints: string[] = [];
    for (const each of fixedCases().filter((_case, index) => index % oneOfMade === 0)) {
      // Made before its memory is looked at.
      const bytes = Buffer.from(await each.make());
      const made = { ...each, make: () => bytes };
      if (canMeasure) forgetPeak(process.pid);
      const before = residentMegabytes(process.pid);
      const found = await complaint(made, 0, true);
      if (found !== undefined) complaints.push(found);
      const over = canMeasure ? peakMegabytes(process.pid) - before : 0;
      if (over > 400) complaints.push(`${each.name}: took ${Math.round(over)} MB`);
    }
    expect(complaints).toEqual([]);
  });

  it('made by damage end as pictures or as errors that name them', async () => {
    const cases = await mutationCases(seed);
    expect(cases.length + fixedCases().length).toBeGreaterThan(2000);
    const complaints: string[] = [];
    const rest = cases.filter((_case, index) => index % oneOfDamaged === 0).values();
    const lane = async (slot: number): Promise<void> => {
      for (const each of rest) {
        const found = await complaint(each, slot, false);
        if (found !== undefined) complaints.push(found);
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, slot) => lane(slot)));
    expect(complaints).toEqual([]);
  });

  it('can each be made again from its name', async () => {
    for (const each of (await mutationCases(seed)).filter((_case, index) => index % 97 === 0)) {
      const again = await caseNamed(each.name);
      expect(Buffer.compare(Buffer.from(await again.make()), Buffer.from(await each.make()))).toBe(0);
    }
  });

  it('leave the service as it was', async () => {
    const stack = await startStack({ env: { MALLOC_ARENA_MAX: '2' } });
    try {
      const fixed = fixedCases().filter(({ kind }) => kind !== 'bomb');
      const cases = [...fixed, ...(await mutationCases(seed))].filter((_case, index) => index % oneOfAll === 0);
      const report = await fuzz(stack, { cases, parallel: lanes });
      expect([...report.violations, ...report.stalls]).toEqual([]);
      expect(report.verdicts).toHaveLength(cases.length);
      expect(report.goodAnswers).toBeGreaterThan(full ? 3 : 0);
    } finally {
      await stack.stop();
    }
  });
});
