import type { Tensors } from './state-dict.js';

const CLASSIFIER = 'classifier.1.';

/**
 * Gives the tensors of Hugging Face's ResNetForImageClassification (transformers, models/resnet/modeling_resnet.py), which is the
 * same network, torchvision's names. Others stay as they are.
 */
export function resnetNames(tensors: Tensors): Tensors {
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
