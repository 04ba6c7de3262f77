import { GraphBuilder, type BuiltGraph, type Chunks, type FeatureMap } from './graph-builder.js';
import { constantChunk, filterChunks, heFilters } from './weights.js';

/**
 * Where a block that halves the picture does so. On its 3×3 convolution ('3x3') the network has 4.09 G
 * multiply-accumulates and is what torchvision, and most people, call ResNet-50 (also "v1.5"); on its first 1×1
 * ('1x1') it has 3.86 G and is the paper's, and the ONNX Model Zoo's "v1". Parameters are the same 25.6 M.
 */
export type StridePlace = '3x3' | '1x1';

export interface Resnet50Options {
  readonly seed?: number;
  /** Channels of the first stage; the others follow by doubling. ResNet-50: 64. */
  readonly width?: number;
  /** Bottleneck blocks in each stage. ResNet-50: 3, 4, 6, 3. */
  readonly blocks?: readonly number[];
  readonly classes?: number;
  /** Height and width of the input in pixels. */
  readonly imageSize?: number;
  readonly strideOn?: StridePlace;
}

const EXPANSION = 4;

/*
 * Untrained running variances, so that activations stay near unit variance from the picture to the logits.
 * A unit normal behind a ReLU has variance (1 − 1/π)/2 = 0.341 around its mean; He weights (variance 2 / fan-in)
 * that sum to zero turn variance s into 2·s. The stem's and the classifier's numbers depend on how natural images
 * look and were measured (stem: over normalised photographs; classifier: logits with a standard deviation of about 2, since
 * averaging over positions leaves little of each feature).
 */
const RELU_VARIANCE = 0.341;
const STEM_VARIANCE = 2.5;
const RESIDUAL_SCALE = 0.5;
const LOGIT_GAIN = 8;

/**
 * The ResNet-50 graph (He et al. 2015, table 1, 50 layers) with deterministic untrained weights.
 * Input `data` [batch, 3, size, size] float32, normalised as for ImageNet; output `logits` [batch, classes] float32.
 */
export function buildResnet50(options: Resnet50Options = {}): BuiltGraph {
  const { seed = 50, width = 64, blocks = [3, 4, 6, 3], classes = 1000, imageSize = 224, strideOn = '3x3' } = options;
  const graph = new GraphBuilder();
  const image = graph.image('data', 3, imageSize, imageSize);
  const weights = heFilters({ seed, name: 'conv1', filters: width, fanIn: 3 * 7 * 7, centred: false });
  const stem = graph.conv(image, { name: 'conv1', filters: width, kernel: 7, stride: 2, pad: 3, weights });
  const normalised = graph.batchNorm(stem, 'bn1', { scale: 1, variance: STEM_VARIANCE });
  let x = graph.maxPool(graph.relu(normalised, 'relu'), 'maxpool', 3, 2, 1);
  let variance = RELU_VARIANCE;
  blocks.forEach((count, stage) => {
    for (let index = 0; index < count; index += 1) {
      const stride = index === 0 && stage > 0 ? 2 : 1;
      const name = `layer${stage + 1}.${index}`;
      x = bottleneck(graph, x, {
        name,
        seed,
        channels: width * 2 ** stage,
        stride,
        strideOn,
        project: index === 0,
        variance,
      });
      const added = RESIDUAL_SCALE * RESIDUAL_SCALE;
      variance = index === 0 ? RELU_VARIANCE * (1 + added) : variance + RELU_VARIANCE * added;
    }
  });
  const std = LOGIT_GAIN / Math.sqrt(x.channels * variance);
  const last = { seed, stream: 'fc.weight', filters: classes, fanIn: x.channels, std, centred: true };
  const bias: Chunks = () => [constantChunk(classes, 0)];
  graph.classifier(x, { output: 'logits', classes, weights: () => filterChunks(last), bias });
  return graph.build('resnet50-demo', 'ResNet-50 with generated, untrained weights: its predictions mean nothing.');
}

interface BottleneckOptions {
  readonly name: string;
  readonly seed: number;
  readonly channels: number;
  readonly stride: number;
  readonly strideOn: StridePlace;
  /** Whether the shortcut is a 1×1 convolution (first block of a stage) or the input itself. */
  readonly project: boolean;
  /** Estimated variance of x around its mean. */
  readonly variance: number;
}

/** 1×1 down, 3×3, 1×1 up, plus the shortcut. */
function bottleneck(graph: GraphBuilder, x: FeatureMap, options: BottleneckOptions): FeatureMap {
  const { name, seed, channels, stride, strideOn, project, variance } = options;
  const layer = (
    input: FeatureMap,
    part: string,
    filters: number,
    kernel: number,
    step: number,
    norm: { scale: number; variance: number },
  ): FeatureMap => {
    const conv = `${name}.${part}.conv`;
    const fanIn = input.channels * kernel * kernel;
    const weights = heFilters({ seed, name: conv, filters, fanIn, centred: true });
    const output = graph.conv(input, { name: conv, filters, kernel, stride: step, pad: (kernel - 1) / 2, weights });
    return graph.batchNorm(output, `${name}.${part}.bn`, norm);
  };
  const outer = { scale: 1, variance: 2 * variance };
  const inner = { scale: 1, variance: 2 * RELU_VARIANCE };
  const [first, second] = strideOn === '1x1' ? [stride, 1] : [1, stride];
  const down = graph.relu(layer(x, 'down', channels, 1, first, outer), `${name}.down.relu`);
  const middle = graph.relu(layer(down, 'middle', channels, 3, second, inner), `${name}.middle.relu`);
  const up = layer(middle, 'up', channels * EXPANSION, 1, 1, { ...inner, scale: RESIDUAL_SCALE });
  const shortcut = project ? layer(x, 'shortcut', channels * EXPANSION, 1, stride, outer) : x;
  return graph.relu(graph.add(up, shortcut, `${name}.add`), `${name}.relu`);
}
