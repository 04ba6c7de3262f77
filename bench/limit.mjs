/**
 * The limit: bare `session.run` in as many streams as there are cores, and in one session with all cores. No service on
 * these cores can classify faster with this model and library. And the bound: the same in one stream per core with sharp
 * decoding every picture in the same process, the most that any service on these cores could do.
 * All of them alternate; medians of the rounds.
 */
import { startBare } from './lib/bare.mjs';
import { benchImages } from './lib/images.mjs';
import { benchModel } from './lib/model.mjs';
import { describeMachine } from './lib/report.mjs';
import { median, quantile } from './lib/statistics.mjs';

export const summary = 'bare session.run: the most that this model does on these cores';
export const options = {
  models: { type: /** @type {const} */ ('string'), default: 'resnet50-demo,resnet50-demo-int8', hint: 'NAME,…' },
  rounds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N' },
  seconds: { type: /** @type {const} */ ('string'), default: '4', hint: 'N for each measurement' },
};

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  const { cores } = await describeMachine();
  const { images, source } = await benchImages(undefined);
  const rows = [];
  for (const name of values.models.split(',')) {
    const { modelPath } = await benchModel(name, say);
    const layouts = [
      { streams: cores, intraOpThreads: 1 },
      { streams: 1, intraOpThreads: cores },
      { streams: 1, intraOpThreads: 1 },
      { streams: cores, intraOpThreads: 1, images },
    ];
    const bare = await Promise.all(layouts.map((layout) => startBare({ path: modelPath, ...layout })));
    const measured = layouts.map(() => /** @type {import('./lib/bare.mjs').Measured[]} */ ([]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, each] of bare.entries()) measured[index].push(await each.measure(seconds));
      say(`${name}: round ${round + 1} of ${rounds}`);
    }
    await Promise.all(bare.map((each) => each.stop()));
    for (const [index, { streams, intraOpThreads, images: decoded }] of layouts.entries()) {
      const times = measured[index].flatMap((each) => each.times);
      const rates = measured[index].map(({ perSecond }) => perSecond);
      rows.push([
        name,
        decoded ? 'bound' : 'limit',
        `${streams} × ${intraOpThreads}`,
        median(rates),
        Math.min(...rates),
        Math.max(...rates),
        median(times),
        quantile(times, 0.99),
      ]);
    }
  }
  const columns = ['model', '', 'streams × threads', 'images/s', 'least', 'most', 'p50 of a run, ms', 'p99, ms'];
  return {
    settings: { rounds, seconds, images: source },
    tables: [{ title: 'Bare session.run, and with decoding', columns, rows }],
  };
}
