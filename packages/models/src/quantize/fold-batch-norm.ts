/**
 * Normalisations become part of the convolutions before them: γ · (w ∗ x + b − μ) / √(σ² + ε) + β is a convolution
 * with weights γ / √(σ² + ε) · w (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-
 * Arithmetic-Only Inference", section 3.2). Weights are made when they are written, as the source's are.
 */
import { elementCount, type Initializer, type OnnxModel, type OnnxNode } from '../onnx/encode.js';
import { float32Values, littleEndianBytes } from '../onnx/weights.js';
import { GraphFacts, floatValues, isStandard, numberOf, withoutUnused } from './graph-facts.js';

/** Folds each BatchNormalization that alone reads a convolution with constant weights; others stay as they are. */
export function foldBatchNorms(model: OnnxModel): OnnxModel {
  const facts = new GraphFacts(model);
  const folded = new Set<OnnxNode>();
  const added: Initializer[] = [];
  const replaced = new Set<string>();
  const nodes = model.nodes.flatMap((node) => {
    if (folded.has(node)) return [];
    const norm = facts.follower(node);
    if (node.opType !== 'Conv' || norm?.opType !== 'BatchNormalization' || !isStandard(node)) return [node];
    const weights = facts.constant(node, 1);
    const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((index) => facts.constant(norm, index));
    const hasBias = (node.inputs[2] ?? '') !== '';
    const bias = facts.constant(node, 2);
    if (!weights || !gamma || !beta || !mean || !variance || (hasBias && !bias)) return [node];
    if (numberOf(norm, 'training_mode', 0) !== 0 || norm.outputs.filter((name) => name !== '').length > 1)
      return [node];
    const epsilon = Math.fround(numberOf(norm, 'epsilon', 1e-5));
    const [scale, shift, average, spread] = [gamma, beta, mean, variance].map(floatValues);
    const before = bias && floatValues(bias);
    const gains = Float64Array.from(scale ?? [], (each, at) => each / Math.sqrt((spread?.[at] ?? 0) + epsilon));
    const shifts = Float32Array.from(gains, (gain, at) => {
      return (shift?.[at] ?? 0) + ((before?.[at] ?? 0) - (average?.[at] ?? 0)) * gain;
    });
    folded.add(norm);
    for (const name of [...node.inputs.slice(1), ...norm.inputs.slice(1)]) replaced.add(name);
    const [output = ''] = norm.outputs;
    const names = { weights: `${output}.weights`, bias: `${output}.bias` };
    added.push(
      { ...weights, name: names.weights, chunks: () => scaledChunks(weights, gains) },
      {
        name: names.bias,
        dims: [gains.length],
        dataType: 'float32',
        chunks: () => [littleEndianBytes(shifts.slice())],
      },
    );
    return [{ ...node, inputs: [node.inputs[0] ?? '', names.weights, names.bias], outputs: [output] }];
  });
  return { ...model, nodes, initializers: withoutUnused([...model.initializers, ...added], replaced, nodes) };
}

/** Each filter times its gain. */
function* scaledChunks(source: Initializer, gains: Float64Array): Generator<Uint8Array, void, undefined> {
  const fanIn = elementCount(source.dims.slice(1));
  let filter = 0;
  let left = fanIn;
  for (const chunk of source.chunks()) {
    const values = Float32Array.from(float32Values(chunk));
    for (let index = 0; index < values.length; index += 1, left -= 1) {
      if (left === 0) [filter, left] = [filter + 1, fanIn];
      values[index] = (values[index] ?? 0) * (gains[filter] ?? 1);
    }
    yield littleEndianBytes(values);
  }
}
