import { describe, expect, it } from 'vitest';
import type { WorkerPresence } from '@quintet/shared';
import { ModelDirectory } from './models.js';

/** What workers announce and what is remembered, and nothing else of Redis. */
function setup(named?: string) {
  const state = { live: [] as string[], last: undefined as string | undefined, writes: 0 };
  const workers = () => Promise.resolve(state.live.map((name) => ({ model: { name } }) as WorkerPresence));
  const presence = {
    workers,
    models: () => Promise.resolve(new Map(state.live.map((name) => [name, { name }]))),
    labels: () => Promise.resolve(undefined),
    lastDefault: () => Promise.resolve(state.last),
    rememberDefault: (name: string) => {
      state.last = name;
      state.writes += 1;
      return Promise.resolve();
    },
  };
  /** A process that has looked at nothing yet. */
  const directory = () => new ModelDirectory(presence, named, { info: () => undefined });
  return { state, directory };
}

describe('the model of a job that names none', () => {
  it.each([
    [['efficientnet-lite0'], 'efficientnet-lite0'],
    [['efficientnet-lite0', 'resnet50'], 'resnet50'],
    [['efficientnet-lite0', 'cats', 'resnet50-zoo'], 'resnet50-zoo'],
    [['dogs', 'cats'], 'cats'],
    [['resnet50-demo'], 'resnet50-demo'],
  ])('is of %j: %s', async (live, chosen) => {
    const { state, directory } = setup();
    state.live = live;
    expect(await directory().defaultModel()).toBe(chosen);
    expect((await directory().resolve()).name).toBe(chosen);
    expect(state.writes).toBe(1);
  });

  it('is what it was last while no worker lives', async () => {
    const { state, directory } = setup();
    state.live = ['cats'];
    await directory().defaultModel();
    state.live = [];
    expect(await directory().resolve()).toEqual({ name: 'cats' });
    expect(await directory().names()).toEqual(['cats']);
  });

  it('is none before the first worker, and the first one as soon as it is there', async () => {
    const { state, directory } = setup();
    const models = directory();
    expect(await models.defaultModel()).toBeUndefined();
    expect(await models.names()).toEqual([]);
    const refused: unknown = await models.resolve().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'model_unavailable', headers: { 'Retry-After': '5' } });
    await expect(models.resolve('resnet50')).rejects.toMatchObject({ code: 'model_not_found' });
    state.live = ['resnet50'];
    // What is a second old may be used, but not that there is nothing.
    expect((await models.resolve()).name).toBe('resnet50');
  });

  it('is what DEFAULT_MODEL says, whoever lives', async () => {
    const { state, directory } = setup('mine');
    state.live = ['resnet50'];
    expect(await directory().resolve()).toEqual({ name: 'mine' });
    expect(state.writes).toBe(0);
  });
});
