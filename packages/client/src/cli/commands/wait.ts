/** `quintet wait`: the end of a job or of a batch that somebody submitted. */
import { hasEnded, QuintetError, type Job, type Quintet } from '../../index.js';
import { formatOf, numberOf, type Parsed } from '../arguments.js';
import { command } from '../command.js';
import { connect, type Context } from '../context.js';
import { exitCodes } from '../failures.js';
import { formatFlags, pictureFlags, serviceFlags, type Flags } from '../flags.js';
import { batchLine, duration } from '../output/progress.js';
import { createRowWriter, labelsOf, writeEnded } from '../output/rows.js';

const flags = {
  top: { ...pictureFlags.top, help: 'labels of each picture, of those that were asked for (5; 1 in a table)' },
  ...formatFlags,
  ...serviceFlags,
} as const satisfies Flags;

async function run({ values, positionals }: Parsed<typeof flags>, context: Context): Promise<number> {
  const { terminal } = context;
  const format = formatOf(values, terminal);
  const top = numberOf('top', values.top, { least: 1, most: 20 }) ?? labelsOf(format);
  const client = await connect(values, context);
  const writer = createRowWriter({ terminal, format, top, names: positionals });
  let index = 0;
  let failed = 0;
  try {
    for (const id of positionals) {
      for await (const { name, job } of endedJobs(client, id, context)) {
        terminal.status('');
        if (!(await writeEnded(writer, terminal, { index: index++, name, job }))) failed += 1;
      }
    }
  } finally {
    await writer.end();
  }
  return failed > 0 ? exitCodes.failed : exitCodes.ok;
}

/** The job, or those of the batch, of that id. */
async function* endedJobs(
  client: Quintet,
  id: string,
  { terminal, signal }: Context,
): AsyncGenerator<{ readonly name: string; readonly job: Job | undefined }, void, undefined> {
  try {
    let last: Job | undefined;
    for await (const job of client.events(id, { signal })) {
      last = job;
      terminal.status(standingOf(job));
    }
    yield { name: id, job: last !== undefined && hasEnded(last) ? last : await client.wait(id, { signal }) };
    return;
  } catch (error) {
    if (!(error instanceof QuintetError && error.code === 'job_not_found')) throw error;
  }
  await client.waitForBatch(id, {
    signal,
    seconds: 1,
    onProgress: (batch) => {
      terminal.status(batchLine(batch));
    },
  });
  for await (const { name, job } of client.batchResults(id, { signal })) yield { name, job };
}

function standingOf({ status, queue }: Job): string {
  if (queue === undefined) return status;
  const eta = queue.eta_seconds === undefined ? '' : `, about ${duration(queue.eta_seconds)}`;
  return `${status}, ${queue.position} before it${eta}`;
}

export const wait = command('wait', {
  summary: 'wait for a job or a batch by its id',
  about:
    'Waits for jobs or batches, by their ids, and prints how they ended. Ctrl-C ends the waiting and cancels nothing.',
  flags,
  operands: { usage: 'ID…', missing: 'name the id of a job or of a batch', complete: 'none' },
  ends: '0 all succeeded; 1 some did not',
  examples: ["quintet wait 01234567-89ab-4cde-8f01-23456789abcd --json | jq '.[0].predictions'"],
  run,
});
