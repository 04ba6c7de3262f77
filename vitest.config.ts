import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Beside their source, within one process. */
const units = ['packages/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts'];

/** With processes of their own. */
const across = ['test/**/*.test.ts', 'bench/**/*.test.ts'];

/** They look at the memory of the process that they run in, or set what sharp may read in it, so it has to be theirs. */
const apart = [
  'test/faults/hostile-files.test.ts',
  'test/inputs/damaged.test.ts',
  'services/worker/src/preprocess/preprocessor.test.ts',
];

/** In containers, which are built by all cores: when all others are done. */
const compose = ['test/compose/compose.test.ts'];

/** They wait for locks, limits and schedules to run out: begun first, they cost no time beside the others. */
const first = [
  'test/faults/hostile-files',
  'test/integration/worker-stops',
  'test/faults/inference',
  'test/faults/processes',
  'test/e2e/start',
  'test/faults/redis',
  'test/integration/tuning',
  'test/stalls/stuck-worker',
];

/** One of them runs at a time, as they share a browser: spread among the others, they seldom wait for each other. */
const browser = 'test/browser/';

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const turn = ({ moduleId }: TestSpecification): number => {
      const place = first.findIndex((name) => moduleId.includes(name));
      return place === -1 ? first.length : place;
    };
    const sorted = (await super.sort(files)).sort((a, b) => turn(a) - turn(b));
    const serial = sorted.filter(({ moduleId }) => moduleId.includes(browser));
    const others = sorted.filter((file) => !serial.includes(file));
    const across = others.filter(({ project }) => project.name === 'across').length;
    const gap = Math.max(1, Math.floor((across - first.length) / (serial.length + 1)));
    serial.forEach((file, index) => others.splice(first.length + index * (gap + 1), 0, file));
    return others;
  }
}

/**
 * Four more than there are cores, as many tests wait for something most of their time. No test measures another by it: none
 * asserts how long something takes.
 */
const maxWorkers = Math.min(8, availableParallelism() + 4);

/**
 * The files of `across` and `units` are not isolated: those that one worker runs share their imports, which cost more than most
 * of the tests. So no file may leave anything behind: no timer, no variable of the environment, no mock.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/faults/support/table.ts'],
    // Not how fast anything has to be: what ends a test that hangs, on a machine that is busy with other work. Longer than
    // `patienceMs` of test/support/service-process.ts, which says what was waited for.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'apart', include: apart, maxWorkers, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: {
          name: 'across',
          include: across,
          exclude: [...apart, ...compose],
          globalSetup: ['test/support/shared-setup.ts'],
          maxWorkers,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'units',
          include: units,
          exclude: apart,
          maxWorkers,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'compose', include: compose, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
