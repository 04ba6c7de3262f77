/** What `npm run fuzz` runs once everything is built: the corpus, then round after round of new damage, then the table. */
import { startStack } from '../stack.js';
import { caseNamed, fixedCases, type HostileCase, mutationCases } from './corpus.js';
import { fuzz, type FuzzReport } from './fuzz.js';
import { startPillow } from './pillow.js';
import { havePhotos } from '../../fixtures/images/index.js';

export interface FuzzCommand {
  readonly seconds: number;
  readonly seed: string;
  /** One case alone, by the name that a run has printed. */
  readonly only?: string | undefined;
}

/** The corpus and the first round always; further rounds until the time is over. Each round has names of its own. */
async function* endless({ seed, only }: FuzzCommand): AsyncGenerator<HostileCase> {
  if (only !== undefined) {
    yield await caseNamed(only);
    return;
  }
  const fixed = spread(fixedCases());
  const first = spread(await mutationCases(`${seed}-0`));
  // Mixed, so that a run of any length has some of each.
  for (let i = 0; i < Math.max(fixed.length, first.length); i += 1) {
    yield* fixed.slice(i, i + 1);
    yield* first.slice(i, i + 1);
  }
  for (let round = 1; ; round += 1) yield* spread(await mutationCases(`${seed}-${round}`));
}

/** In an order in which neighbours come far apart: a kind that takes long to make, or a picture, would else come all at once. */
function spread<T>(items: readonly T[]): T[] {
  const stride = items.length % 101 === 0 ? 103 : 101;
  return items.map((item, index) => items[(index * stride) % items.length] ?? item);
}

/** Prints the table and a closing line; resolves to the exit code. */
export async function runFuzz(command: FuzzCommand, say: (line: string) => void): Promise<number> {
  const pillow = await startPillow();
  const compares = 'version' in pillow;
  say(compares ? `Compared with ${pillow.version}.` : `Not compared with Pillow: ${pillow.missing}.`);
  if (!havePhotos) say('../shared/images is not there: the pictures to damage are drawn, not photographed.');
  // As the images of the deployment have it: glibc keeps less of what is freed.
  const stack = await startStack({ env: { MALLOC_ARENA_MAX: '2' } });
  const began = performance.now();
  const progress = setInterval(() => {
    say(`${Math.round((performance.now() - began) / 1000)} s …`);
  }, 30_000);
  let report: FuzzReport;
  try {
    report = await fuzz(stack, {
      cases: endless(command),
      until: began + command.seconds * 1000,
      parallel: 4,
      say,
      pillow: compares ? pillow : undefined,
    });
  } finally {
    clearInterval(progress);
    if (compares) pillow.close();
    await stack.stop();
  }
  for (const line of tableOf(report)) say(line);
  say('');
  for (const [reason, count] of report.allowed) say(`Pillow refuses ${count} that are read on purpose: ${reason}.`);
  const refused = [...report.refusedByPillow.values()].reduce((sum, count) => sum + count, 0);
  if (compares) say(`Succeeded where Pillow refuses, beside these: ${refused}; not comparable: ${report.notCompared}.`);
  const seconds = Math.round((performance.now() - began) / 1000);
  const { verdicts, violations, stalls, growth, goodAnswers } = report;
  say('');
  for (const violation of violations) say(`violation: ${violation}`);
  for (const stall of stalls) say(`stall: ${stall}`);
  say(
    `${verdicts.length} files in ${seconds} s (seed ${command.seed}), ${violations.length} violations, ${stalls.length} stalls; ` +
      `API +${Math.round(growth.api)} MB, worker +${Math.round(growth.worker)} MB; ` +
      `${goodAnswers} good pictures in between answered rightly.`,
  );
  return violations.length + stalls.length === 0 ? 0 : 1;
}

/** Markdown: a row for each kind of file. */
export function tableOf({ verdicts, growthByKind, refusedByPillow }: FuzzReport): string[] {
  const rows = [...new Set(verdicts.map(({ kind }) => kind))].map((kind) => {
    const own = verdicts.filter((each) => each.kind === kind);
    const accepted = own.filter(({ outcome }) => outcome === 'succeeded').length;
    const slowest = Math.max(...own.map(({ milliseconds }) => milliseconds));
    const growth = growthByKind.get(kind) ?? 0;
    const refused = refusedByPillow.get(kind) ?? 0;
    const cells = [kind, own.length, accepted, refused, codes(own, 'refused'), codes(own, 'failed')];
    return `| ${[...cells, Math.round(slowest), Math.round(growth)].join(' | ')} |`;
  });
  return [
    '| kind | files | succeeded | of these, Pillow refuses | refused | failed | slowest, ms | peak growth, MB |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ];
}

function codes(verdicts: FuzzReport['verdicts'], how: 'refused' | 'failed'): string {
  const counts = new Map<string, number>();
  for (const { outcome } of verdicts) {
    if (!outcome.startsWith(`${how} `)) continue;
    const code = outcome.slice(how.length + 1);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([code, count]) => `${code} ${count}`)
    .join(', ');
}
