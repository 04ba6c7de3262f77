/** `quintet batch`: files as batches, which the service keeps together, so that whoever submits them need not stay. */
import { QuintetError, type Quintet } from '../../index.js';
import { formatOf, numberOf, UsageError, type Parsed } from '../arguments.js';
import { collectFiles, submitInParts, type Part } from '../batch-parts.js';
import { command } from '../command.js';
import { connect, type Context } from '../context.js';
import { exitCodes, explain } from '../failures.js';
import { formatFlags, pictureFlags, serviceFlags, type Flags } from '../flags.js';
import { expandInputs, skippedTo } from '../input/inputs.js';
import { batchLine } from '../output/progress.js';
import { createRowWriter, labelsOf, writeEnded, type Row, type Writer } from '../output/rows.js';

const flags = {
  ...pictureFlags,
  detach: { type: 'boolean', short: 'd', help: "print the batches' ids and do not wait: quintet wait ID does" },
  webhook: { type: 'string', value: 'URL', help: 'where the end of each batch is posted' },
  ...formatFlags,
  ...serviceFlags,
} as const satisfies Flags;

async function run({ values, positionals }: Parsed<typeof flags>, context: Context): Promise<number> {
  const { terminal, signal } = context;
  const format = formatOf(values, terminal);
  const top = numberOf('top', values.top, { least: 1, most: 20 }) ?? labelsOf(format);
  const minScore = numberOf('min-score', values['min-score'], { least: 0, most: 1, whole: false });
  const client = await connect(values, context);
  const inputs = await expandInputs(positionals, values.recursive === true, skippedTo(terminal));
  const other = inputs.find(({ kind }) => kind !== 'file');
  if (other !== undefined) throw new UsageError(`a batch is of files, and ${other.name} is none`);
  if (inputs.length === 0) terminal.complain(`there are no pictures in ${positionals.join(', ')}`);

  const jobOptions = { top_k: top, min_score: minScore, model: values.model, webhook_url: values.webhook };
  const { files, unreadable } = await collectFiles(inputs, signal);
  for (const [index, error] of unreadable) terminal.complain(`${inputs[index]?.name ?? ''}: ${explain(error)}`);
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
async function finish(
  client: Quintet,
  part: Part,
  writer: Writer<Row>,
  { terminal, signal }: Context,
): Promise<number> {
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
        terminal.status(batchLine(batch));
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
    if (!(await writeEnded(writer, terminal, { index: part.first + index, name, job }))) failed += 1;
  }
  return failed;
}

export const batch = command('batch', {
  summary: 'upload a folder as one batch, which need not be waited for',
  about:
    'Uploads pictures as one batch, waits for it, and prints the results in the order of the files. More than the service takes in one\n' +
    'are sent as several. Files are read while they are sent.',
  flags,
  operands: { usage: 'DIR|FILE…', missing: 'name a folder, or files', complete: 'file' },
  notes: 'Ctrl-C cancels what has not ended.',
  ends: '0 all classified; 1 some failed, an empty file among them',
  examples: [
    'quintet batch photos/ --csv > labels.csv',
    'ID=$(quintet batch photos/ --detach); quintet wait $ID --json',
  ],
  run,
});
