import { DEFAULT_PREPROCESS } from '../manifest.js';
import type { BuiltGraph } from './graph-builder.js';
import { quantizeGraph } from './quantize-graph.js';
import { buildResnet50, type Resnet50Options } from './resnet50.js';

/** All that ImageNet's normalisation makes of bytes: black and white of the channels that reach furthest. */
const { mean, std } = DEFAULT_PREPROCESS;
const ends = (value: number): number[] => mean.map((each, channel) => (value - each) / (std[channel] ?? 1));
const INPUT_RANGE = { low: Math.min(...ends(0)), high: Math.max(...ends(1)) };

/**
 * The generated ResNet-50 in int8: the graph and the weights of `buildResnet50`, quantised (quantize-graph.ts).
 * Input and output are the same; the statistics are those of the float32 network, whose work it does.
 *
 * Untrained networks are the hardest to quantise. Nothing taught this one to ignore small errors: each ReLU behind
 * weights that sum to zero makes them half as large again (0.5 / 0.341, see resnet50.ts), and of its 1000 logits, drawn from one
 * bell curve, the first two lie close together. So the first label is the same for two photographs in three (45 of 66), not for
 * nearly all as with trained weights. Finer steps do not help: weights of all 8 bits gave 41 of 66, float32 weights with
 * the errors of these and float32 activations 47.
 */
export function buildResnet50Int8(options: Resnet50Options = {}): BuiltGraph {
  const { model, statistics } = buildResnet50(options);
  const docString = 'ResNet-50 in int8 with generated, untrained weights: its predictions mean nothing.';
  return {
    model: quantizeGraph(model, { graphName: 'resnet50-demo-int8', docString, input: INPUT_RANGE }),
    statistics,
  };
}
