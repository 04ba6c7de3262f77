import { defineConfig } from 'vitest/config';

/** Beside their source, within one process. */
const units = ['packages/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts'];

/** With processes of their own; the long ones, so they come first (projects of a group go by their names). */
const across = ['test/**/*.test.ts', 'bench/**/*.test.ts'];

/**
 * What measures time or memory, or kills processes in the middle of their work: one file at a time, when all others are done,
 * so that they do not measure each other.
 */
const alone = [
  'test/faults/!(inference).test.ts',
  'test/compose/compose.test.ts',
  'test/integration/worker-pressure.test.ts',
  'test/integration/tuning.test.ts',
  'services/worker/src/profile/measure.test.ts',
  'services/worker/src/preprocess/preprocessor.test.ts',
  'services/api/src/http/body/json-body.test.ts',
];

/** Also when the others are done, but two at a time: most of their time they wait for locks and limits to run out. */
const waiting = [
  'test/faults/inference.test.ts',
  'test/integration/worker-stops.test.ts',
  'test/stalls/stuck-worker.test.ts',
];

/** One Chromium and one stack for all of them; last, when Chromium is surely there and nobody else needs the cores. */
const browser = ['test/browser/**/*.test.ts'];

/**
 * The files of `across` and `units` are not isolated: those that one worker runs share their imports, which cost more than most
 * of the tests. So no file may leave anything behind: no timer, no variable of the environment, no mock.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/faults/support/table.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'across',
          include: across,
          exclude: [...alone, ...waiting, ...browser],
          maxWorkers: 2,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'units',
          include: units,
          exclude: alone,
          maxWorkers: 2,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'waiting', include: waiting, maxWorkers: 2, sequence: { groupOrder: 1 } } },
      { extends: true, test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } } },
      {
        extends: true,
        test: {
          name: 'browser',
          include: browser,
          globalSetup: ['test/browser/support/setup.ts'],
          maxWorkers: 1,
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
