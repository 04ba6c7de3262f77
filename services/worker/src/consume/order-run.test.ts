import type { ClassifyOrder, JobStore, OutputStore, WatchedPlace } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { CropSlots } from '../batching/crop-slots.js';
import { stops } from '../errors.js';
import type { HeldWork } from '../held-work.js';
import type { Classification, Classifier, ClassifyOptions } from '../inference/classifier.js';
import type { PreprocessPool } from '../preprocess/index.js';
import { OrderRun, type WorkerParts } from './order-run.js';

const order: ClassifyOrder = { id: 'a', model: 'resnet50', top_k: 5, created_ms: 0, request_id: 'r' };

type Step = 'read' | 'slot' | 'preprocess' | 'classify';

/** No watchdog looks here. */
const unwatched = { enter: () => () => undefined, during: (work: () => unknown) => work() } as unknown as WatchedPlace;
const held: HeldWork = { slots: unwatched, pictures: unwatched, crops: unwatched, fetches: unwatched };

/** Runs the order; its job is canceled during the step `during`. What was done, and how it ended. */
async function run(
  during: Step | 'before' | undefined,
  terms: Partial<ClassifyOrder> = {},
  { last = true, ...over }: Partial<WorkerParts> & { readonly last?: boolean } = {},
) {
  const cancel = new AbortController();
  if (during === 'before') cancel.abort();
  const done: string[] = [];
  const ends: unknown[] = [];
  const step = async (name: Step): Promise<void> => {
    done.push(name);
    await Promise.resolve();
    if (during === name) cancel.abort();
  };
  class Slots extends CropSlots {
    override async use<T>(work: (slot: number) => Promise<T>): Promise<T> {
      await step('slot');
      return super.use(work);
    }
  }
  const parts: WorkerParts = {
    store: {
      readImage: async () => {
        await step('read');
        // A row of a model that takes one pixel.
        return { image: Buffer.alloc(12), known: true, ended: false };
      },
      finish: (_id: string, outcome: unknown) => {
        done.push('finish');
        ends.push(outcome);
        return Promise.resolve('finished');
      },
    } as unknown as JobStore,
    outputs: {
      keep: (_id: string, values: Float32Array) => {
        done.push(`output ${values.join()}`);
        return Promise.resolve();
      },
    } as unknown as OutputStore,
    slots: new Slots(1, 1),
    preprocessor: {
      preprocess: async () => {
        await step('preprocess');
        return { width: 640, height: 480 };
      },
    } as unknown as PreprocessPool,
    classifier: {
      classify: async (place: number, { canceled, output }: ClassifyOptions): Promise<Classification> => {
        if (place !== 0) done.push(`place ${place}`);
        await step('classify');
        // As the batcher does with what waits.
        if (canceled?.aborted === true) throw stops.canceled();
        const answer = { predictions: [], batchSize: 1, batchWaitMs: 0, inferenceMs: 1 };
        return output === true ? { ...answer, output: Float32Array.of(1, 2) } : answer;
      },
    } as unknown as Classifier,
    held,
    explain: undefined,
    sharing: undefined,
    model: { name: 'resnet50' },
    worker: 'w',
    device: 'cpu',
    retentionSeconds: 60,
    ...over,
  };
  const attempt = { last, priority: 0, canceled: cancel.signal };
  const result = await new OrderRun({ ...order, ...terms }, attempt, parts).run();
  return { done, ends, result, outcome: result.outcome };
}

describe('an order whose job is canceled', () => {
  it('is let go at the next boundary, wherever it is, and writes no outcome', async () => {
    const steps: readonly Step[] = ['read', 'slot', 'preprocess', 'classify'];
    expect(await run('before')).toMatchObject({ done: [], outcome: 'dropped' });
    for (const [index, step] of steps.entries()) {
      expect(await run(step)).toMatchObject({ done: steps.slice(0, index + 1), outcome: 'dropped' });
    }
    expect(await run(undefined)).toMatchObject({ done: [...steps, 'finish'], outcome: 'succeeded' });
  });
});

describe('an order whose picture waited too long for memory', () => {
  it('is handed back, and not ended, also in its last attempt', async () => {
    const preprocessor = { preprocess: () => Promise.reject(stops.noMemory()) } as unknown as PreprocessPool;
    const finish = () => Promise.reject(new Error('it was ended'));
    const readImage = () => Promise.resolve({ image: Buffer.from('x'), known: true, ended: false });
    const store = { readImage, finish } as unknown as JobStore;
    await expect(run(undefined, {}, { store, preprocessor })).rejects.toMatchObject({ why: 'handed-back' });
  });
});

describe('an order of the Open Inference Protocol', () => {
  it('has its tensor put in place of a crop, and its output kept before it is ended', async () => {
    const { done, outcome } = await run(undefined, { tensor: true, output: true });
    expect(done).toEqual(['read', 'slot', 'place 1', 'classify', 'output 1,2', 'finish']);
    expect(outcome).toBe('succeeded');
  });

  it('fails for good where its tensor has another size than the model takes', async () => {
    const { result } = await run(undefined, { tensor: true }, { last: false, slots: new CropSlots(1, 2) });
    expect(result).toMatchObject({ outcome: 'failed', code: 'infer_request_invalid' });
  });
});

describe('an order that is to be explained', () => {
  it('fails for good where the model cannot be, before its picture is touched', async () => {
    const { done, ends, result } = await run(undefined, { explain: true }, { last: false });
    expect(done).toEqual(['finish']);
    expect(result).toMatchObject({ outcome: 'failed', code: 'explanation_unsupported' });
    expect(ends).toMatchObject([{ status: 'failed', error: { code: 'explanation_unsupported', status: 422 } }]);
  });
});
