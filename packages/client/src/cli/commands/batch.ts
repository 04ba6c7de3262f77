/** `quintet batch`: files as batches, which the service keeps together, so that whoever submits them need not stay. */
import { QuintetError, type Batch, type Quintet } from '../../index.js';
import { formatOf, formatOptions, numberOf, parse, serviceOptions, UsageError } from '../arguments.js';
import { collectFiles, submitInParts, type Part } from '../batch-parts.js';
import type { Command } from '../commands.js';
import { connect, type Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import { formatHelp, serviceHelp } from '../help.js';
import { expandInputs } from '../input/inputs.js';
import { progressLine } from '../output/progress.js';
import { createRowWriter, type RowWriter } from '../output/rows.js';
import type { Terminal } from '../output/terminal.js';
import { jobFailure } from '../row-of-job.js';

const help = `quintet batch DIR|FILE… [options]

Uploads pictures as one batch, waits for it, and prints the results in the order of the files. More than the service takes in one are sent as
several. Files are read while they are sent.

  --top N             labels of each picture (5; 1 in a table)
  --min-score SHARE   no labels below that, from 0 to 1
  --model NAME        another than the service's default
  --recursive         folders within folders too
  --detach            print the batches' ids and do not wait: quintet wait ID does
  --webhook URL       where the end of each batch is posted
${formatHelp}${serviceHelp}
Ctrl-C cancels what has not ended.

Exit codes: 0 all classified; 1 some failed; 2 the command line is wrong; 3 the service cannot be used; 130 interrupted.

Examples:
  quintet batch photos/ --csv > labels.csv
  ID=$(quintet batch photos/ --detach); quintet wait $ID --json
`;

const options = {
  ...serviceOptions,
  ...formatOptions,
  top: { type: 'string' },
  'min-score': { type: 'string' },
  model: { type: 'string' },
  recursive: { type: 'boolean', short: 'r' },
  detach: { type: 'boolean', short: 'd' },
  webhook: { type: 'string' },
} as const;

async function run(args: readonly string[], context: Context): Promise<number> {
  const { values, positionals } = parse(args, options);
  const { terminal, signal } = context;
  if (positionals.length === 0) throw new UsageError('name a folder, or files');
  const format = formatOf(values);
  const top = numberOf('top', values.top, { least: 1, most: 20 }) ?? (format === 'table' ? 1 : 5);
  const minScore = numberOf('min-score', values['min-score'], { least: 0, most: 1, whole: false });
  const client = await connect(values, context);
  const inputs = await expandInputs(positionals, values.recursive === true);
  const other = inputs.find(({ kind }) => kind !== 'file');
  if (other !== undefined) throw new UsageError(`a batch is of files, and ${other.name} is none`);
  if (inputs.length === 0) terminal.complain(`there are no pictures in ${positionals.join(', ')}`);

  const jobOptions = { top_k: top, min_score: minScore, model: values.model, webhook_url: values.webhook };
  const { files, unreadable } = await collectFiles(inputs);
  for (const [index, error] of unreadable) terminal.complain(`${inputs[index]?.name ?? ''}: ${error.detail}`);
  const parts = submitInParts(client, files, { ...jobOptions, signal }, (sending) => {
    terminal.status(`sending ${sending.sent + sending.files} of ${files.length}…`);
  });
  if (values.detach === true) {
    for await (const part of parts) {
      if ('batch' in part) await terminal.print(`${part.batch.id}\n`);
      else terminal.complain(`${part.file.name}: ${part.error.detail}`);
    }
    return unreadable.size > 0 ? exitCodes.failed : exitCodes.ok;
  }
  const writer = createRowWriter({ terminal, format, top, names: files.map(({ name }) => name) });
  let failed = unreadable.size;
  try {
    for await (const part of parts) failed += await finish(client, part, writer, context);
  } finally {
    terminal.status('');
    await writer.end();
  }
  return failed > 0 ? exitCodes.failed : exitCodes.ok;
}

/** Waits for a part and writes its rows; resolves to how many failed. A part that is interrupted is canceled. */
async function finish(client: Quintet, part: Part, writer: RowWriter, { terminal, signal }: Context): Promise<number> {
  if ('error' in part) {
    const { name } = part.file;
    terminal.complain(`${name}: ${part.error.detail}`);
    await writer.write({ index: part.first, name, error: part.error });
    return 1;
  }
  try {
    const { status } = await client.waitForBatch(part.batch.id, {
      signal,
      seconds: 1,
      onProgress: (batch) => {
        showProgress(terminal, batch);
      },
    });
    if (status === 'canceled') throw new QuintetError('batch_canceled', `The batch ${part.batch.id} was canceled.`);
  } catch (error) {
    if (signal.aborted)
      await client.cancelBatch(part.batch.id, { signal: AbortSignal.timeout(4000) }).catch(() => undefined);
    throw error;
  }
  let failed = 0;
  for await (const { index, name, job } of client.batchResults(part.batch.id, { signal })) {
    const error = jobFailure(job);
    if (error !== undefined) {
      failed += 1;
      terminal.complain(`${name}: ${error.code}: ${error.detail}`);
    }
    await writer.write({ index: part.first + index, name, job, error });
  }
  return failed;
}

function showProgress(terminal: Terminal, { total, counts, created_at }: Batch): void {
  const done = counts.succeeded + counts.failed + counts.canceled + counts.expired;
  const seconds = (Date.now() - Date.parse(created_at)) / 1000;
  terminal.status(progressLine({ done, failed: counts.failed, total, seconds }));
}

export const batch: Command = { summary: 'upload a folder as one batch, which need not be waited for', help, run };
