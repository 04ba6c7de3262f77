/** torchvision's ResNets (torchvision/models/resnet.py; He et al. 2015, Xie et al. 2016, Zagoruyko and Komodakis 2016). */
import { DEFAULT_PREPROCESS } from '../load-model.js';
import type { FeatureMap, GraphBuilder } from '../onnx/graph-builder.js';
import { refused } from './byte-source.js';
import type { Architecture, NetworkWeights } from './network-weights.js';
import type { Tensors } from './pickle-values.js';

interface ResnetForm {
  readonly name: string;
  readonly block: 'basic' | 'bottleneck';
  /** Blocks in each stage. */
  readonly blocks: readonly [number, number, number, number];
  readonly groups: number;
  /** Channels of a group in the 3×3 convolutions of the first stage. */
  readonly groupWidth: number;
}

const form = (
  name: string,
  block: ResnetForm['block'],
  blocks: ResnetForm['blocks'],
  groups = 1,
  groupWidth = 64,
): ResnetForm => ({ name, block, blocks, groups, groupWidth });

const forms: readonly ResnetForm[] = [
  form('resnet18', 'basic', [2, 2, 2, 2]),
  form('resnet34', 'basic', [3, 4, 6, 3]),
  form('resnet50', 'bottleneck', [3, 4, 6, 3]),
  form('resnet101', 'bottleneck', [3, 4, 23, 3]),
  form('resnet152', 'bottleneck', [3, 8, 36, 3]),
  form('resnext50_32x4d', 'bottleneck', [3, 4, 6, 3], 32, 4),
  form('wide_resnet50_2', 'bottleneck', [3, 4, 6, 3], 1, 128),
];

const EPSILON = 1e-5;

export const resnets: readonly Architecture[] = forms.map((each) => ({
  name: each.name,
  preprocess: DEFAULT_PREPROCESS,
  build: (graph, weights) => build(graph, weights, each),
}));

export const isResnet = (tensors: Tensors): boolean => tensors.has('layer1.0.conv1.weight');

/** The name of the ResNet that has these tensors, told by its blocks and the width of the first. Throws ModelError. */
export function resnetOf(tensors: Tensors): string {
  const blocks = [0, 0, 0, 0];
  for (const name of tensors.keys()) {
    const [, stage = '0', index = '0'] = /^layer([1-4])\.(\d{1,4})\./.exec(name) ?? [];
    blocks[Number(stage) - 1] = Math.max(blocks[Number(stage) - 1] ?? 0, Number(index) + 1);
  }
  const block = tensors.has('layer1.0.conv3.weight') ? 'bottleneck' : 'basic';
  const [width = 0, groupWidth = 0] = tensors.get('layer1.0.conv2.weight')?.shape ?? [];
  const found = forms.find(
    (each) =>
      each.block === block &&
      each.blocks.join() === blocks.join() &&
      each.groups * each.groupWidth === width &&
      each.groupWidth === groupWidth,
  );
  if (found !== undefined) return found.name;
  throw refused(
    `its names are those of a ResNet, but none with ${block} blocks ${blocks.join(', ')} and ${width} channels in ` +
      `${Math.round(width / groupWidth) || 0} groups is known. Known are ${forms.map(({ name }) => name).join(', ')}`,
  );
}

function build(
  graph: GraphBuilder,
  weights: NetworkWeights,
  { block, blocks, groups, groupWidth }: ResnetForm,
): number {
  const { crop } = DEFAULT_PREPROCESS;
  const layer = (
    x: FeatureMap,
    [conv, norm]: readonly [string, string],
    filters: number,
    kernel: number,
    stride: number,
    inGroups = 1,
  ) => {
    const pad = (kernel - 1) / 2;
    return weights.conv(graph, x, { conv, norm, epsilon: EPSILON, filters, kernel, stride, pad, groups: inGroups });
  };
  const stem = layer(graph.image('data', 3, crop, crop), ['conv1', 'bn1'], 64, 7, 2);
  let x = graph.maxPool(graph.relu(stem, 'relu'), 'maxpool', 3, 2, 1);
  blocks.forEach((count, stage) => {
    const planes = 64 * 2 ** stage;
    for (let index = 0; index < count; index += 1) {
      const name = `layer${stage + 1}.${index}`;
      const stride = index === 0 && stage > 0 ? 2 : 1;
      const part = (number: number): readonly [string, string] => [`${name}.conv${number}`, `${name}.bn${number}`];
      const relu = (input: FeatureMap, number: number): FeatureMap => graph.relu(input, `${name}.relu${number}`);
      let y: FeatureMap;
      if (block === 'basic') {
        y = layer(relu(layer(x, part(1), planes, 3, stride), 1), part(2), planes, 3, 1);
      } else {
        // The stride is on the 3×3 convolution, which the paper has on the first.
        const width = ((planes * groupWidth) / 64) * groups;
        const middle = layer(relu(layer(x, part(1), width, 1, 1), 1), part(2), width, 3, stride, groups);
        y = layer(relu(middle, 2), part(3), planes * 4, 1, 1);
      }
      const projected = stride !== 1 || x.channels !== y.channels;
      const shortcut = projected
        ? layer(x, [`${name}.downsample.0`, `${name}.downsample.1`], y.channels, 1, stride)
        : x;
      x = relu(graph.add(y, shortcut, `${name}.add`), block === 'basic' ? 2 : 3);
    }
  });
  return weights.classifier(graph, x, 'fc');
}
