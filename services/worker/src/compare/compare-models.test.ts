import { DEFAULT_PREPROCESS, Manifest, type Model } from '@quintet/models';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgreementTally, compareModels, type CompareOptions } from './compare-models.js';

const labels = ['n00000001', 'n00000002'].map((wnid, index) => ({ wnid, label: `class ${index}`, index }));
const manifest = Manifest.parse({
  name: 'm',
  version: `sha256:${'0'.repeat(64)}`,
  preprocess: DEFAULT_PREPROCESS,
});
const model: Model = { manifest, dir: '/', modelPath: '/model.onnx', labels };

/** Two models of which A always says the first class and B what `says` says of a slot; all runs are noted in `order`. */
function setUp(files: readonly string[], bad: ReadonlySet<string>, says: (file: string) => 0 | 1) {
  const order: string[] = [];
  let window: readonly string[] = [];
  const stream = (name: string, milliseconds: number, answer: (file: string) => 0 | 1) => ({
    run: (slots: readonly number[]) => {
      order.push(`${name}:${slots.map((slot) => window[slot] ?? '?').join(',')}`);
      return Promise.resolve(
        slots.map((slot) => ({
          scores: answer(window[slot] ?? '') === 0 ? Float64Array.of(0.9, 0.1) : Float64Array.of(0.2, 0.8),
          milliseconds,
        })),
      );
    },
  });
  const skipped: string[] = [];
  const options: CompareOptions = {
    models: [model, model],
    streams: [stream('A', 20, () => 0), stream('B', 5, says)] as unknown as CompareOptions['streams'],
    streamCount: 2,
    window: {
      fill: (some: readonly string[]) => {
        const good = some.filter((file) => !bad.has(file));
        if (good.length > 0) window = good;
        return Promise.resolve({
          files: good,
          skipped: some.filter((file) => bad.has(file)).map((file) => ({ file, reason: 'bad' })),
        });
      },
    } as unknown as CompareOptions['window'],
    windowSize: 4,
    files,
    signal: new AbortController().signal,
    onSkip: ({ file }) => skipped.push(file),
  };
  return { options, order, skipped };
}

describe('compareModels', () => {
  it('runs A and B in turn, all streams busy, counts each picture once and skips the bad ones', async () => {
    const files = ['n00000001_a', 'n00000001_b', 'n00000002_c', 'x', 'n00000002_d', 'bad'];
    const { options, order, skipped } = setUp(files, new Set(['bad']), (file) =>
      file.startsWith('n00000002') ? 1 : 0,
    );
    const comparison = await compareModels(options);
    expect(order.slice(0, 6)).toEqual([
      'A:n00000001_a,n00000001_b',
      'B:n00000001_a,n00000001_b',
      'A:n00000002_c,x',
      'B:n00000002_c,x',
      // The last window has one picture: it keeps both streams busy and counts once.
      'A:n00000002_d,n00000002_d',
      'B:n00000002_d,n00000002_d',
    ]);
    expect(skipped).toEqual(['bad']);
    expect(comparison?.agreement).toMatchObject({ pictures: 5, same_top1: 3 });
    expect(comparison?.accuracies?.map(({ pictures, top1 }) => [pictures, top1])).toEqual([
      [4, 0.5],
      [4, 1],
    ]);
    expect(comparison?.speeds).toEqual([
      { latency_ms: 20, images_per_second: 100 },
      { latency_ms: 5, images_per_second: 400 },
    ]);
  });

  it('times few pictures often enough for a median', async () => {
    const { options, order } = setUp(['x'], new Set(), () => 0);
    expect((await compareModels(options))?.rounds).toBeGreaterThanOrEqual(10);
    expect(order.every((run) => /^[AB]:x,x$/.test(run))).toBe(true);
  });

  it('has no answer where no picture can be read', async () => {
    const { options, order } = setUp(['p', 'q'], new Set(['p', 'q']), () => 0);
    expect(await compareModels(options)).toBeUndefined();
    expect(order).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const { options } = setUp(['x'], new Set(), () => 0);
    const reason = new Error('stopped');
    await expect(compareModels({ ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

const distribution = fc
  .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 })
  .map((weights) => {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return Float64Array.from(weights, (weight) => weight / sum);
  });

describe('AgreementTally', () => {
  it('gives what is worked out by hand', () => {
    const tally = new AgreementTally();
    tally.add(Float64Array.of(0.5, 0.2, 0.1, 0.1, 0.06, 0.04), Float64Array.of(0.3, 0.4, 0.1, 0.1, 0.04, 0.06), 1);
    tally.add(Float64Array.of(0.9, 0.1, 0, 0, 0, 0), Float64Array.of(0.9, 0.1, 0, 0, 0, 0), 0);
    const { top1_probability_difference: first, class_probability_difference: each, ...rest } = tally.agreement();
    // The first five of A are classes 0 to 4; B has class 5 in the place of 4.
    expect(rest).toMatchObject({ pictures: 2, same_top1: 1, top1_agreement: 0.5, top5_overlap: 0.9 });
    expect(first).toBeCloseTo(0.2 / 2, 12);
    expect(each).toBeCloseTo(0.44 / 6 / 2, 12);
    expect(rest.total_variation).toBeCloseTo(0.22 / 2, 12);
    expect(tally.accuracies()).toEqual([
      { pictures: 2, top1: 0.5, top5: 1 },
      { pictures: 2, top1: 1, top5: 1 },
    ]);
  });

  it('finds no difference between equal answers, and one between 0 and 1 otherwise, the same from both sides', () => {
    fc.assert(
      fc.property(distribution, distribution, (a, b) => {
        const [same, there, back] = [new AgreementTally(), new AgreementTally(), new AgreementTally()];
        same.add(a, a);
        there.add(a, b);
        back.add(b, a);
        expect(same.agreement()).toMatchObject({ top1_agreement: 1, top5_overlap: 1, total_variation: 0 });
        const { total_variation: variation, top5_overlap: overlap } = there.agreement();
        expect(variation).toBeGreaterThanOrEqual(0);
        expect(variation).toBeLessThanOrEqual(1);
        expect(overlap).toBeGreaterThanOrEqual(0.4);
        expect(back.agreement()).toMatchObject({ total_variation: variation, top5_overlap: overlap });
        expect(there.agreement().top1_probability_difference).toBeLessThanOrEqual(variation + 1e-12);
      }),
    );
  });

  it('counts accuracy over the pictures of a known class only', () => {
    const tally = new AgreementTally();
    tally.add(Float64Array.of(1, 0), Float64Array.of(0, 1));
    expect(tally.accuracies()).toBeUndefined();
    tally.add(Float64Array.of(1, 0), Float64Array.of(0, 1), 0);
    expect(tally.accuracies()?.map(({ pictures, top1 }) => [pictures, top1])).toEqual([
      [1, 1],
      [1, 0],
    ]);
  });

  it('refuses answers of different classes, and to speak of no pictures', () => {
    const tally = new AgreementTally();
    expect(() => {
      tally.add(Float64Array.of(1), Float64Array.of(0.5, 0.5));
    }).toThrow(RangeError);
    expect(() => tally.agreement()).toThrow(RangeError);
  });
});
