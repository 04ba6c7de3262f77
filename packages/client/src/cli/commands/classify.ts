/** `quintet classify`: pictures in, labels out. */
import { mkdir } from 'node:fs/promises';
import { setTimeout as after } from 'node:timers';
import { AdaptiveWindow, QuintetError, saturatingConcurrency, type Classified, type Quintet } from '../../index.js';
import { formatOf, formatOptions, numberOf, parse, serviceOptions, UsageError } from '../arguments.js';
import type { Command } from '../commands.js';
import { connect, type Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import { fatalCode } from '../failures.js';
import { HeatMaps } from '../heat-maps.js';
import { formatHelp, serviceHelp } from '../help.js';
import { expandInputs, isFolder, readInput, type Input } from '../input/inputs.js';
import { watchFolders } from '../input/watch-folder.js';
import { createRowWriter } from '../output/rows.js';
import { Run } from '../run.js';

const help = `quintet classify FILE…|DIR|URL|- [options]

Classifies pictures: files, those of a folder, one at an address (which the service fetches), or one on standard input (-).

  --top N             labels of each picture (5; 1 in a table)
  --min-score SHARE   no labels below that, from 0 to 1
  --model NAME        another than the service's default
  --recursive         folders within folders too
  --watch             go on with what comes into the folders, until Ctrl-C
  --explain DIR       write a heat map of each picture there: where the model looked
  --concurrency N     pictures at once (as many as keep the service busy)
  --no-cache          run the model although the answer is known
${formatHelp}${serviceHelp}
Results come in the order of the pictures; with --ndjson and --watch, as they come. What fails is told on standard error, a line each.

Exit codes: 0 all classified; 1 some failed; 2 the command line is wrong; 3 the service cannot be used; 130 interrupted.

Examples:
  quintet classify photo.jpg
  quintet classify photos/ --recursive --csv > labels.csv
  quintet classify --watch inbox/ --ndjson | while read -r line; do …; done
  curl -s https://example.com/photo.jpg | quintet classify - --json | jq -r '.[0].predictions[0].label'
`;

const options = {
  ...serviceOptions,
  ...formatOptions,
  top: { type: 'string' },
  'min-score': { type: 'string' },
  model: { type: 'string' },
  recursive: { type: 'boolean', short: 'r' },
  watch: { type: 'boolean', short: 'w' },
  explain: { type: 'string' },
  concurrency: { type: 'string', short: 'c' },
  'no-cache': { type: 'boolean' },
} as const;

/** How often a folder is looked at, and how long a file must not change. */
const watchMs = 500;
/** How often it is asked which workers there are. */
const workersMs = 10_000;
/** Names that decide how wide their column is. */
const namesLooked = 1000;

async function run(args: readonly string[], context: Context): Promise<number> {
  const { values, positionals } = parse(args, options);
  const { terminal, signal } = context;
  if (positionals.length === 0) throw new UsageError('name a file, a folder, an address, or - for standard input');
  const format = formatOf(values);
  const top = numberOf('top', values.top, { least: 1, most: 20 }) ?? (format === 'table' ? 1 : 5);
  const minScore = numberOf('min-score', values['min-score'], { least: 0, most: 1, whole: false });
  const concurrency = numberOf('concurrency', values.concurrency, { least: 1, most: 1024 });
  const watch = values.watch === true;
  const recursive = values.recursive === true;
  const folders = watch ? await foldersOf(positionals) : [];
  const client = await connect(values, context);
  const inputs = watch ? [] : await expandInputs(positionals, recursive);
  if (!watch && inputs.length === 0) terminal.complain(`there are no pictures in ${positionals.join(', ')}`);
  if (values.explain !== undefined) await mkdir(values.explain, { recursive: true });

  const window = concurrency ?? (await adaptiveWindow(client, values.model, context));
  const heatMaps = values.explain === undefined ? undefined : new HeatMaps(client, values.explain);
  const names = inputs.slice(0, namesLooked).map(({ name }) => name);
  const writer = createRowWriter({ terminal, format, top, names });
  const progress = new Run(terminal, watch ? undefined : inputs.length);
  const source = watch ? watched(folders, recursive, signal) : inputs;
  try {
    const outcomes = client.classifyAll(source, (input) => readInput(input, context.stdin), {
      concurrency: window,
      ordered: format !== 'ndjson' && !watch,
      top_k: top,
      min_score: minScore,
      model: values.model,
      ...(heatMaps === undefined ? {} : { explain: true }),
      cache: values['no-cache'] === true ? 'no-cache' : 'default',
      signal,
      onRetry: (error) => {
        progress.waitsFor(error);
      },
    });
    for await (const { index, image, job, error } of outcomes) {
      if (error !== undefined && fatalCode(error) !== undefined) throw error;
      const unexplained = job === undefined ? undefined : await explained(heatMaps, image.name, job, signal);
      progress.count(image.name, error ?? unexplained);
      await writer.write({ index, name: image.name, job: job ?? error.job, error });
    }
  } catch (error) {
    if (!(watch && signal.aborted)) {
      progress.interrupted(signal);
      throw error;
    }
  } finally {
    await writer.end();
  }
  progress.summary();
  return progress.failed > 0 && !watch ? exitCodes.failed : exitCodes.ok;
}

/** Saves the heat map, where there is to be one; resolves to why there is none. */
async function explained(
  heatMaps: HeatMaps | undefined,
  name: string,
  job: Classified,
  signal: AbortSignal,
): Promise<QuintetError | undefined> {
  try {
    await heatMaps?.save(name, job, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof QuintetError)) throw error;
    return error;
  }
}

/** The first question that the service is asked, so that one that cannot be used is told at once, before any picture is read. */
async function adaptiveWindow(client: Quintet, model: string | undefined, context: Context): Promise<AdaptiveWindow> {
  const { signal, atEnd } = context;
  const window = new AdaptiveWindow(saturatingConcurrency(await client.models({ signal }), model));
  let timer: NodeJS.Timeout;
  const look = (): void => {
    void client
      .models({ signal })
      .then((list) => {
        window.resize(saturatingConcurrency(list, model));
      })
      // What matters of it, the pictures meet too.
      .catch(() => undefined)
      .finally(plan);
  };
  let over = false;
  const plan = (): void => {
    if (!over) timer = after(look, workersMs).unref();
  };
  plan();
  atEnd(() => {
    over = true;
    clearTimeout(timer);
  });
  return window;
}

async function foldersOf(args: readonly string[]): Promise<readonly string[]> {
  for (const arg of args) if (!(await isFolder(arg))) throw new UsageError(`--watch takes folders, and ${arg} is none`);
  return args;
}

async function* watched(
  folders: readonly string[],
  recursive: boolean,
  signal: AbortSignal,
): AsyncGenerator<Input, void, undefined> {
  for await (const name of watchFolders(folders, { recursive, intervalMs: watchMs, signal }))
    yield { name, kind: 'file' };
}

export const classify: Command = { summary: 'classify files, folders, addresses or standard input', help, run };
