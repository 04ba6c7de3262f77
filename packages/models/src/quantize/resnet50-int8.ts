import { DEFAULT_PREPROCESS } from '../load-model.js';
import type { OnnxModel, OnnxNode } from '../onnx/encode.js';
import type { BuiltGraph } from '../onnx/graph-builder.js';
import { buildResnet50, type Resnet50Options } from '../onnx/resnet50.js';
import { floatValues } from './plan.js';
import { quantizeModel, type Range } from './quantize-model.js';

/** Between 6 and 8 the error of the logits hardly changes; below, clipping costs more than finer steps bring. */
const PEAK_DEVIATIONS = 6.5;

/** The mean over a picture of what a ReLU lets through: about 0.4 deviations, and seldom more than 3. */
const PEAK_POOLED_DEVIATIONS = 3;

/** All that ImageNet's normalisation makes of bytes: black and white of the channels that reach furthest. */
const { mean, std } = DEFAULT_PREPROCESS;
const ends = (value: number): number[] => mean.map((each, channel) => (value - each) / (std[channel] ?? 1));
const INPUT_RANGE = { low: Math.min(...ends(0)), high: Math.max(...ends(1)) };

/**
 * The generated ResNet-50 in int8: the graph and the weights of `buildResnet50`, quantised (quantize-model.ts) with ranges that
 * its normalisations promise. No picture is run and no runtime is needed, so the bytes are the same everywhere.
 * Input and output are the same; the statistics are those of the float32 network, whose work it does.
 *
 * Untrained networks are the hardest to quantise. Nothing taught this one to ignore small errors: each ReLU behind
 * weights that sum to zero makes them half as large again (0.5 / 0.341, see resnet50.ts), and of its 1000 logits, drawn from one
 * bell curve, the first two lie close together. So the first label is the same for two photographs in three (46 of 66), not for
 * nearly all as with trained weights. Finer steps do not help: weights of all 8 bits gave 41 of 66, float32 weights with
 * the errors of these and float32 activations 47.
 */
export function buildResnet50Int8(options: Resnet50Options = {}): BuiltGraph {
  const { model, statistics } = buildResnet50(options);
  const docString = 'ResNet-50 in int8 with generated, untrained weights: its predictions mean nothing.';
  const quantized = quantizeModel(model, { ranges: promisedRanges(model), narrow: true });
  return { model: { ...quantized, graphName: 'resnet50-demo-int8', docString }, statistics };
}

/**
 * Behind a normalisation of scale γ a channel has the deviation γ; a sum has the root of its terms' squares; and
 * PEAK_DEVIATIONS of that are the range (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
 * Correction", section 5, has 6 of them).
 */
function promisedRanges({ nodes, inputs, initializers }: OnnxModel): Map<string, Range> {
  const deviations = new Map(inputs.map(({ name }) => [name, 1]));
  const ranges = new Map<string, Range>(inputs.map(({ name }) => [name, INPUT_RANGE]));
  const deviation = ({ opType, inputs: [a = '', b = ''] }: OnnxNode): number => {
    const [first, second] = [deviations.get(a) ?? 0, deviations.get(b) ?? 0];
    // Not Math.hypot, whose last bit ECMAScript leaves to each engine.
    if (opType === 'Add') return Math.sqrt(first * first + second * second);
    if (opType !== 'BatchNormalization') return first;
    const gamma = initializers.find(({ name }) => name === b);
    return gamma === undefined ? 0 : floatValues(gamma).reduce((most, scale) => Math.max(most, Math.abs(scale)), 0);
  };
  for (const node of nodes) {
    const [output = ''] = node.outputs;
    const size = deviation(node);
    deviations.set(output, size);
    const peak = PEAK_DEVIATIONS * size;
    if (node.opType === 'GlobalAveragePool') ranges.set(output, { low: 0, high: PEAK_POOLED_DEVIATIONS * size });
    else if (node.opType === 'Relu') ranges.set(output, { low: 0, high: peak });
    else ranges.set(output, { low: (-128 / 127) * peak, high: peak });
  }
  return ranges;
}
