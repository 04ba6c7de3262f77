import type { ClassifyOrder, JobStore } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { CanceledError } from '../batching/micro-batcher.js';
import { WaitedTooLongError } from '../preprocess/index.js';
import { classifyOrder, isHandedBack, type ClassifyDependencies } from './classify-order.js';

const order: ClassifyOrder = { id: 'a', model: 'resnet50', top_k: 5, created_ms: 0, request_id: 'r' };

type Step = 'read' | 'slot' | 'preprocess' | 'classify';

/** Runs the order; its job is canceled during the step `during`. What was done, and how it ended. */
async function run(
  during: Step | 'before' | undefined,
  terms: Pick<ClassifyOrder, 'tensor' | 'output'> = {},
  over: Partial<ClassifyDependencies> = {},
) {
  const cancel = new AbortController();
  if (during === 'before') cancel.abort();
  const done: string[] = [];
  const step = async (name: Step): Promise<void> => {
    done.push(name);
    await Promise.resolve();
    if (during === name) cancel.abort();
  };
  const dependencies: ClassifyDependencies = {
    store: {
      readImage: async () => {
        await step('read');
        return { image: Buffer.from('x'), known: true, ended: false };
      },
      finish: () => {
        done.push('finish');
        return Promise.resolve('finished');
      },
    } as unknown as JobStore,
    withSlot: async (work) => {
      await step('slot');
      return work(0);
    },
    preprocess: async () => {
      await step('preprocess');
      return { width: 640, height: 480 };
    },
    loadTensor: (_values, slot) => {
      done.push('tensor');
      return slot + 1000;
    },
    keepOutput: (_id, values) => {
      done.push(`output ${values.join()}`);
      return Promise.resolve();
    },
    classify: async (place, { canceled, output }) => {
      if (place !== 0) done.push(`place ${place}`);
      await step('classify');
      // As the batcher does with what waits.
      if (canceled.aborted) throw new CanceledError();
      return {
        predictions: [],
        batchSize: 1,
        batchWaitMs: 0,
        inferenceMs: 1,
        ...(output && { output: Float32Array.of(1, 2) }),
      };
    },
    explain: undefined,
    permanentCode: () => undefined,
    model: { name: 'resnet50' },
    worker: 'w',
    device: 'cpu',
    retentionSeconds: 60,
    sharing: undefined,
    ...over,
  };
  const { outcome } = await classifyOrder(
    { ...order, ...terms },
    { last: true, priority: 0, canceled: cancel.signal },
    dependencies,
  );
  return { done, outcome };
}

describe('an order whose job is canceled', () => {
  it('is let go at the next boundary, wherever it is, and writes no outcome', async () => {
    const steps: readonly Step[] = ['read', 'slot', 'preprocess', 'classify'];
    expect(await run('before')).toEqual({ done: [], outcome: 'dropped' });
    for (const [index, step] of steps.entries()) {
      expect(await run(step)).toEqual({ done: steps.slice(0, index + 1), outcome: 'dropped' });
    }
    expect(await run(undefined)).toEqual({ done: [...steps, 'finish'], outcome: 'succeeded' });
  });
});

describe('an order whose picture waited too long for memory', () => {
  it('is handed back, and not ended, also in its last attempt', async () => {
    const preprocess = () => Promise.reject(new WaitedTooLongError());
    const finish = () => Promise.reject(new Error('it was ended'));
    const readImage = () => Promise.resolve({ image: Buffer.from('x'), known: true, ended: false });
    const store = { readImage, finish } as unknown as JobStore;
    const error: unknown = await run(undefined, {}, { store, preprocess }).catch((thrown: unknown) => thrown);
    expect(isHandedBack(error)).toBe(true);
  });
});

describe('an order of the Open Inference Protocol', () => {
  it('has its tensor put in place of a crop, and its output kept before it is ended', async () => {
    const { done, outcome } = await run(undefined, { tensor: true, output: true });
    expect(done).toEqual(['read', 'slot', 'tensor', 'place 1000', 'classify', 'output 1,2', 'finish']);
    expect(outcome).toBe('succeeded');
  });
});

describe('an order that is to be explained', () => {
  it('fails for good where the model cannot be, before its picture is touched', async () => {
    const ends: unknown[] = [];
    const store = {
      finish: (_id: string, outcome: unknown) => {
        ends.push(outcome);
        return Promise.resolve('finished');
      },
    } as unknown as JobStore;
    const never = () => Promise.reject(new Error('it was run'));
    const result = await classifyOrder(
      { ...order, explain: true },
      { last: false, priority: 0, canceled: new AbortController().signal },
      {
        ...{ store, withSlot: never, preprocess: never, classify: never, explain: undefined, sharing: undefined },
        ...{ loadTensor: () => 0, keepOutput: never },
        ...{
          permanentCode: () => undefined,
          model: { name: 'resnet50' },
          worker: 'w',
          device: 'cpu',
          retentionSeconds: 60,
        },
      },
    );
    expect(result).toMatchObject({ outcome: 'failed', code: 'explanation_unsupported' });
    expect(ends).toMatchObject([{ status: 'failed', error: { code: 'explanation_unsupported', status: 422 } }]);
  });
});
