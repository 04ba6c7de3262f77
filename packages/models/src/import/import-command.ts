/** `npm run models -- import`: from a checkpoint to a model folder. */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import type { CliContext } from '../commands.js';
import { ModelError, throwIfAborted } from '../errors.js';
import { sha256File } from '../hash.js';
import { IMAGENET_LABELS_PATH, readClassNames, readLabels, type Label } from '../labels.js';
import { assertNoModel, writeOwnModel } from '../own-model.js';
import { importCheckpoint } from './import-checkpoint.js';

export interface ImportArguments {
  readonly file: string;
  readonly name: string;
  readonly labels: string | undefined;
  readonly arch: string | undefined;
}

/** What the arguments ask for, or the sentence that says what is wrong with them. */
export function parseImport(args: readonly string[]): ImportArguments | string {
  try {
    const option = { type: 'string' } as const;
    const options = { name: option, labels: option, arch: option };
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [file, ...others] = positionals;
    if (file === undefined) return 'import: the file is missing.';
    if (others.length > 0) return `import: one file at a time, not ${positionals.join(', ')}.`;
    if (values.name === undefined) return 'import: --name is missing, under which the model will be served.';
    return { file, name: values.name, labels: values.labels, arch: values.arch };
  } catch (error) {
    return `import: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Rejects with ModelError. */
export async function runImport({ file, name, labels, arch }: ImportArguments, context: CliContext): Promise<number> {
  const { modelsDir, signal, out } = context;
  await assertNoModel(modelsDir, name);
  // A wrong labels file is said before a minute of work.
  const given = labels === undefined ? undefined : await readClassNames(labels);
  try {
    const { model, architecture, classes, preprocess } = await importCheckpoint(file, { architecture: arch, signal });
    const made = await writeOwnModel({
      modelsDir,
      model,
      labels: await labelsFor(classes, given, labels),
      manifest: {
        ...{ name, weights: 'pretrained', classes, preprocess, outputs: 'logits' },
        description: `${architecture}, imported from ${basename(file)}`.slice(0, 1000),
        source: `${basename(file)}, sha256 ${await sha256File(file, signal)}`.slice(0, 2000),
      },
      signal,
    });
    const { resize, crop, interpolation } = preprocess;
    out(`${name} ${made.manifest.version} (${architecture}, ${classes} classes) is in ${made.dir}`);
    out(
      `Pictures are resized to ${resize} (${interpolation}) and cropped to ${crop}, as for ${architecture} on ImageNet.`,
    );
    out('Where it was trained with other numbers, put those into its manifest.json.');
    return 0;
  } catch (error) {
    throwIfAborted(signal, name);
    throw error;
  }
}

async function labelsFor(classes: number, given: readonly Label[] | undefined, path = ''): Promise<readonly Label[]> {
  if (given === undefined) {
    const imagenet = await readLabels(IMAGENET_LABELS_PATH);
    if (classes === imagenet.length) return imagenet;
    throw new ModelError(
      'labels_invalid',
      `The network has ${classes} classes, and nothing says what they are. Write their names into a file, one a line, in the order ` +
        `of the outputs (dataset.classes of torchvision's ImageFolder), and name it: --labels FILE`,
    );
  }
  if (given.length === classes) return given;
  const problem = `${path} has ${given.length} labels, the network has ${classes} classes`;
  throw new ModelError(
    'labels_invalid',
    `${problem}. Correct the file: one class a line, in the order of the outputs.`,
  );
}
