/** `quintet classify`: pictures in, labels out. */
import { mkdir } from 'node:fs/promises';
import { setTimeout as after } from 'node:timers';
import { AdaptiveWindow, QuintetError, saturatingConcurrency, type Classified, type Quintet } from '../../index.js';
import { formatOf, numberOf, UsageError, type Parsed } from '../arguments.js';
import { command } from '../command.js';
import { connect, type Context } from '../context.js';
import { exitCodes, fatalCode } from '../failures.js';
import { formatFlags, pictureFlags, serviceFlags, type Flags } from '../flags.js';
import { HeatMaps } from '../heat-maps.js';
import { expandInputs, isFolder, readInput, skippedTo, type Input } from '../input/inputs.js';
import { watchFolders, type WatchFolderOptions } from '../input/watch-folder.js';
import { Run } from '../output/progress.js';
import { createRowWriter, labelsOf } from '../output/rows.js';

/** How often a folder is looked at, and how long a file must not change. */
const watchMs = 500;
/** How often it is asked which workers there are. */
const workersMs = 10_000;
/** Names that decide how wide their column is. */
const namesLooked = 1000;

const flags = {
  ...pictureFlags,
  watch: { type: 'boolean', short: 'w', help: 'go on with what comes into the folders, until Ctrl-C' },
  explain: {
    type: 'string',
    short: 'e',
    value: 'DIR',
    takes: 'folder',
    help: 'write a heat map of each picture there: where the model looked',
  },
  concurrency: { type: 'string', short: 'c', value: 'N', help: 'pictures at once (as many as keep the service busy)' },
  'no-cache': { type: 'boolean', help: 'run the model although the answer is known' },
  ...formatFlags,
  ...serviceFlags,
} as const satisfies Flags;

async function run({ values, positionals }: Parsed<typeof flags>, context: Context): Promise<number> {
  const { terminal, signal } = context;
  const format = formatOf(values, terminal);
  const top = numberOf('top', values.top, { least: 1, most: 20 }) ?? labelsOf(format);
  const minScore = numberOf('min-score', values['min-score'], { least: 0, most: 1, whole: false });
  const concurrency = numberOf('concurrency', values.concurrency, { least: 1, most: 1024 });
  const watch = values.watch === true;
  const recursive = values.recursive === true;
  const folders = watch ? await foldersOf(positionals) : [];
  const client = await connect(values, context);
  const onSkipped = skippedTo(terminal);
  const inputs = watch ? [] : await expandInputs(positionals, recursive, onSkipped);
  if (!watch && inputs.length === 0) terminal.complain(`there are no pictures in ${positionals.join(', ')}`);
  if (values.explain !== undefined) await mkdir(values.explain, { recursive: true });

  const window = concurrency ?? (await adaptiveWindow(client, values.model, context));
  const heatMaps = values.explain === undefined ? undefined : new HeatMaps(client, values.explain);
  const names = inputs.slice(0, namesLooked).map(({ name }) => name);
  const writer = createRowWriter({ terminal, format, top, names });
  const progress = new Run(terminal, watch ? undefined : inputs.length);
  const source = watch ? watched(folders, { recursive, intervalMs: watchMs, signal, onSkipped }) : inputs;
  try {
    const outcomes = client.classifyAll(source, (input, ended) => readInput(input, context.stdin, ended), {
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
  options: WatchFolderOptions,
): AsyncGenerator<Input, void, undefined> {
  for await (const name of watchFolders(folders, options)) yield { name, kind: 'file' };
}

export const classify = command('classify', {
  summary: 'classify files, folders, addresses or standard input',
  about:
    'Classifies pictures: files, those of a folder, one at an address (which the service fetches), or one on standard input (-).\n' +
    'A named pipe is read where it is named itself; in a folder, pipes, sockets and devices are skipped.',
  flags,
  operands: {
    usage: 'FILE…|DIR|URL|-',
    missing: 'name a file, a folder, an address, or - for standard input',
    complete: 'file',
  },
  notes:
    'Results come in the order of the pictures; with --ndjson and --watch, as they come. What fails is told on standard error, a line each.',
  ends: '0 all classified; 1 some failed, an empty file among them',
  examples: [
    'quintet classify photo.jpg',
    'quintet classify photos/ --recursive --csv > labels.csv',
    'quintet classify --watch inbox/ --ndjson | while read -r line; do …; done',
    "curl -s https://example.com/photo.jpg | quintet classify - --json | jq -r '.[0].predictions[0].label'",
  ],
  run,
});
