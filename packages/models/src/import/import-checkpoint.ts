import { open } from 'node:fs/promises';
import { ModelError, systemCode } from '../errors.js';
import type { Preprocess } from '../load-model.js';
import type { OnnxModel } from '../onnx/encode.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import { fileSource, refused, type ByteSource } from './byte-source.js';
import { readCheckpoint } from './checkpoint.js';
import { efficientnetLiteOf, efficientnetLites, isEfficientnetLite } from './efficientnet-lite.js';
import { NetworkWeights, type Architecture } from './network-weights.js';
import { withoutCommonPrefix, type Tensors } from './pickle-values.js';
import { isResnet, resnetOf, resnets } from './resnet.js';

export interface ImportOptions {
  /** The name of the network, where the caller wants to be sure; it is recognised by names and shapes. */
  readonly architecture?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportedModel {
  /** Input `data` [batch, 3, crop, crop], output `logits` [batch, classes], float32; normalisations are folded in. */
  readonly model: OnnxModel;
  readonly architecture: string;
  readonly classes: number;
  /** As the network's authors evaluate it; a network may have been trained otherwise. */
  readonly preprocess: Preprocess;
}

/**
 * Reads a PyTorch checkpoint (.pth or .pt of torch.save, .safetensors, or a wheel or ZIP with one of them) and makes the ONNX
 * graph of its network. Nothing in the file is executed. The same weights give the same bytes on every machine. Weights are in memory
 * once, as float32. Rejects with ModelError (`checkpoint_unreadable`, `checkpoint_invalid`, `checkpoint_refused`,
 * `architecture_unknown`), or with the signal's reason.
 */
export async function importCheckpoint(path: string, options: ImportOptions = {}): Promise<ImportedModel> {
  if (options.architecture !== undefined) assertArchitecture(options.architecture);
  try {
    const file = await open(path, 'r');
    try {
      return await convert(fileSource(file, (await file.stat()).size), options);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw withPath(error, path);
  }
}

async function convert(source: ByteSource, { architecture: named, signal }: ImportOptions): Promise<ImportedModel> {
  const { architecture, tensors } = recognize(await readCheckpoint(source), named);
  const { name, preprocess } = architecture;
  const weights = new NetworkWeights(tensors);
  const graph = new GraphBuilder();
  const classes = architecture.build(graph, weights);
  weights.check(name);
  await weights.load(signal);
  const { model } = graph.build(name, `${name}, imported from a PyTorch checkpoint`);
  return { model, architecture: name, classes, preprocess };
}

/** Messages of what is wrong in the file begin with its name. */
function withPath(error: unknown, path: string): unknown {
  if (error instanceof ModelError) return new ModelError(error.code, `${path}: ${error.message}`, { cause: error });
  const code = systemCode(error);
  if (code === undefined || !SYSTEM_ERROR.test(code)) return error;
  const message = `${path} cannot be read (${code}). Name a file that is there and readable.`;
  return new ModelError('checkpoint_unreadable', message, { cause: error });
}

/** Errors of the file system, unlike those of Node.js (ERR_…). */
const SYSTEM_ERROR = /^E(?!RR_)[A-Z]+$/;

const architectures: readonly Architecture[] = [...resnets, ...efficientnetLites];

/**
 * The network of a checkpoint, and its tensors under the names that the network's first implementation gave them.
 * Throws ModelError `checkpoint_refused` where it is none of those that are known or not the one that was named.
 */
export function recognize(found: Tensors, named?: string): { architecture: Architecture; tensors: Tensors } {
  const tensors = resnetNames(withoutCommonPrefix(found));
  const name = nameOf(tensors, found);
  const architecture = architectures.find((each) => each.name === name);
  if (architecture === undefined) throw new TypeError(`${name} is not in the table`);
  if (named !== undefined && named !== name) {
    throw refused(`it is ${name} by its names and shapes, not ${named}. Leave out --arch, or choose the other file`);
  }
  return { architecture, tensors };
}

/** `found`: the same tensors under the names of the file, for the message. */
function nameOf(tensors: Tensors, found: Tensors): string {
  if (isResnet(tensors)) return resnetOf(tensors);
  if (isEfficientnetLite(tensors)) return efficientnetLiteOf(tensors);
  const names = [...found.keys()];
  const some = names.slice(0, 4).map((name) => name.slice(0, 100));
  throw refused(
    `it is none of the networks that are known: ${architectures.map(({ name }) => name).join(', ')}. Its ${names.length} tensors ` +
      `begin with ${some.join(', ')}. Export it to ONNX where it was trained, and put that into a model folder`,
  );
}

/** Throws ModelError `checkpoint_refused` unless `name` is the name of a known network. */
function assertArchitecture(name: string): void {
  if (architectures.some((each) => each.name === name)) return;
  const names = architectures.map((each) => each.name).join(', ');
  throw new ModelError('architecture_unknown', `There is no architecture ${JSON.stringify(name)}. Known are ${names}.`);
}

const CLASSIFIER = 'classifier.1.';

/**
 * Gives the tensors of Hugging Face's ResNetForImageClassification (transformers, models/resnet/modeling_resnet.py), which is the
 * same network, torchvision's names. Others stay as they are.
 */
function resnetNames(tensors: Tensors): Tensors {
  if (!tensors.has('resnet.embedder.embedder.convolution.weight')) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [torchvisionName(name), tensor]));
}

function torchvisionName(name: string): string {
  const [, stem, stemPart = ''] = /^resnet\.embedder\.embedder\.(convolution|normalization)\.(\w+)$/.exec(name) ?? [];
  if (stem !== undefined) return `${stem === 'convolution' ? 'conv1' : 'bn1'}.${stemPart}`;
  if (name.startsWith(CLASSIFIER)) return `fc.${name.slice(CLASSIFIER.length)}`;
  const block =
    /^resnet\.encoder\.stages\.(\d)\.layers\.(\d+)\.(layer\.(\d)|shortcut)\.(convolution|normalization)\.(\w+)$/;
  const [, stage, index = '', place, layer, kind, part = ''] = block.exec(name) ?? [];
  if (stage === undefined) return name;
  const prefix = `layer${Number(stage) + 1}.${index}`;
  if (place === 'shortcut') return `${prefix}.downsample.${kind === 'convolution' ? 0 : 1}.${part}`;
  return `${prefix}.${kind === 'convolution' ? 'conv' : 'bn'}${Number(layer) + 1}.${part}`;
}
