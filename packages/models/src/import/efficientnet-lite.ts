/**
 * EfficientNet-Lite 0 to 4 (tensorflow/tpu, models/official/efficientnet: lite/efficientnet_lite_builder.py and
 * efficientnet_model.py): EfficientNet-B0's blocks without squeeze-and-excite, ReLU6, and stem, head, and the repeats of the first
 * and the last stage not scaled. Padding is TensorFlow's SAME, whose odd row and column go to the end.
 */
import type { Preprocess } from '../load-model.js';
import type { FeatureMap, GraphBuilder } from '../onnx/graph-builder.js';
import { refused } from './byte-source.js';
import type { Architecture, NetworkWeights } from './network-weights.js';
import type { Tensors } from './pickle-values.js';

interface LiteForm {
  readonly name: string;
  readonly width: number;
  readonly depth: number;
  /** Height and width of the input in pixels. */
  readonly size: number;
}

const forms: readonly LiteForm[] = [
  { name: 'efficientnet-lite0', width: 1, depth: 1, size: 224 },
  { name: 'efficientnet-lite1', width: 1, depth: 1.1, size: 240 },
  { name: 'efficientnet-lite2', width: 1.1, depth: 1.2, size: 260 },
  { name: 'efficientnet-lite3', width: 1.2, depth: 1.4, size: 280 },
  { name: 'efficientnet-lite4', width: 1.4, depth: 1.8, size: 300 },
];

interface Stage {
  readonly repeats: number;
  readonly kernel: number;
  readonly stride: number;
  readonly expansion: number;
  readonly input: number;
  readonly output: number;
}

const stage = (
  ...[repeats, kernel, stride, expansion, input, output]: [number, number, number, number, number, number]
): Stage => ({ repeats, kernel, stride, expansion, input, output });

const stages: readonly Stage[] = [
  stage(1, 3, 1, 1, 32, 16),
  stage(2, 3, 2, 6, 16, 24),
  stage(2, 5, 2, 6, 24, 40),
  stage(3, 3, 2, 6, 40, 80),
  stage(3, 5, 1, 6, 80, 112),
  stage(4, 5, 2, 6, 112, 192),
  stage(1, 3, 1, 6, 192, 320),
];

const STEM = 32;
const HEAD = 1280;
const EPSILON = 1e-3;
/** The evaluation crops `size / (size + 32)` of the short side (CROP_PADDING in preprocessing.py). */
const CROP_PADDING = 32;
const MEAN = 127 / 255;
const STD = 128 / 255;

const preprocess = (size: number): Preprocess => ({
  resize: size + CROP_PADDING,
  crop: size,
  interpolation: 'bicubic',
  antialias: true,
  mean: [MEAN, MEAN, MEAN],
  std: [STD, STD, STD],
  layout: 'NCHW',
  color: 'RGB',
});

export const efficientnetLites: readonly Architecture[] = forms.map((form) => ({
  name: form.name,
  preprocess: preprocess(form.size),
  build: (graph, weights) => build(graph, weights, form),
}));

export const isEfficientnetLite = (tensors: Tensors): boolean => tensors.has('_conv_stem.weight');

/** Which of the five has these tensors, told by the number of blocks and the channels of the last. Throws ModelError. */
export function efficientnetLiteOf(tensors: Tensors): string {
  let blocks = 0;
  for (const name of tensors.keys()) {
    const [, index = '-1'] = /^_blocks\.(\d{1,4})\./.exec(name) ?? [];
    blocks = Math.max(blocks, Number(index) + 1);
  }
  const channels = tensors.get(`_blocks.${blocks - 1}._project_conv.weight`)?.shape[0] ?? 0;
  const found = forms.find((form) => {
    const scaled = scaledStages(form);
    return scaled.reduce((sum, { repeats }) => sum + repeats, 0) === blocks && scaled.at(-1)?.output === channels;
  });
  if (found !== undefined) return found.name;
  throw refused(
    `its names are those of an EfficientNet, but no EfficientNet-Lite has ${blocks} blocks, the last with ${channels} channels. ` +
      `Known are ${forms.map(({ name }) => name).join(', ')}`,
  );
}

function scaledStages({ width, depth }: LiteForm): Stage[] {
  return stages.map((each, index) => ({
    ...each,
    repeats: index === 0 || index === stages.length - 1 ? each.repeats : Math.ceil(depth * each.repeats),
    input: roundedChannels(each.input * width),
    output: roundedChannels(each.output * width),
  }));
}

/** To the nearest multiple of 8, or the next one where that would take away more than a tenth. */
function roundedChannels(channels: number): number {
  const rounded = Math.max(8, Math.floor(Math.trunc(channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

function build(graph: GraphBuilder, weights: NetworkWeights, form: LiteForm): number {
  const layer = (
    x: FeatureMap,
    [conv, norm]: readonly [string, string],
    filters: number,
    kernel: number,
    stride: number,
    groups = 1,
  ) => {
    const pad = samePadding(x.height, kernel, stride);
    return weights.conv(graph, x, { conv, norm, epsilon: EPSILON, filters, kernel, stride, pad, groups });
  };
  const stem = layer(graph.image('data', 3, form.size, form.size), ['_conv_stem', '_bn0'], STEM, 3, 2);
  let x = graph.relu6(stem, '_conv_stem.relu6');
  let block = 0;
  for (const { repeats, kernel, stride, expansion, input, output } of scaledStages(form)) {
    for (let repeat = 0; repeat < repeats; repeat += 1, block += 1) {
      const name = (part: string): string => `_blocks.${block}.${part}`;
      const step = repeat === 0 ? stride : 1;
      // The stem is not scaled, whatever the first stage says of its input; and that stage does not expand.
      const inner = expansion === 1 ? x.channels : (repeat === 0 ? input : output) * expansion;
      let y = x;
      if (expansion !== 1) {
        y = graph.relu6(layer(y, [name('_expand_conv'), name('_bn0')], inner, 1, 1), name('_expand_conv.relu6'));
      }
      y = layer(y, [name('_depthwise_conv'), name('_bn1')], inner, kernel, step, inner);
      y = layer(graph.relu6(y, name('_depthwise_conv.relu6')), [name('_project_conv'), name('_bn2')], output, 1, 1);
      x = step === 1 && x.channels === output ? graph.add(x, y, name('add')) : y;
    }
  }
  const head = graph.relu6(layer(x, ['_conv_head', '_bn1'], HEAD, 1, 1), '_conv_head.relu6');
  return weights.classifier(graph, head, '_fc');
}

/** As many zeros as make the output `ceil(size / stride)`; one more at the end where they are odd. */
function samePadding(size: number, kernel: number, stride: number): readonly [number, number] {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
