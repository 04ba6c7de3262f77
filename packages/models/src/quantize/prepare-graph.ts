/**
 * From an older operator set of ONNX to 13, the first in which weights can have a scale for each channel.
 * The changelog of ONNX's operators has the differences.
 */
import { elementCount, type Initializer, type OnnxModel, type OnnxNode } from '../onnx/encode.js';
import { constantChunk, float32Values, littleEndianBytes } from '../onnx/weights.js';
import { floatValues, GraphFacts, isStandard, numberOf, withoutUnused } from './plan.js';

const LEAST_OPSET = 13;
const OLDEST_OPSET = 7;

/** Operators whose meaning, with the inputs and attributes that they may have from OLDEST_OPSET on, has not changed. */
const unchanged = new Set(
  (
    'Abs Add ArgMax AveragePool BatchNormalization Cast Concat Conv ConvTranspose Div Exp Flatten Gather Gemm ' +
    'GlobalAveragePool GlobalMaxPool HardSigmoid Identity LRN LeakyRelu Log MatMul MaxPool Mul Neg PRelu Pow ReduceMax ' +
    'ReduceMean Relu Reshape Shape Sigmoid Sqrt Sub Tanh Transpose'
  ).split(' '),
);

/** The model in operator set 13 or above. Throws TypeError for an operator of which nobody here knows what changed. */
export function upgradeOpset(model: OnnxModel): OnnxModel {
  if (model.opset >= LEAST_OPSET) return model;
  if (model.opset < OLDEST_OPSET) throw tooOld(model, 'it');
  const initializers: Initializer[] = [];
  const constant = (name: string, initializer: Omit<Initializer, 'name'>): string => {
    initializers.push({ name, ...initializer });
    return name;
  };
  const nodes = model.nodes.map((node) => upgradeNode(node, model, constant));
  return { ...model, opset: LEAST_OPSET, nodes, initializers: [...model.initializers, ...initializers] };
}

function upgradeNode(
  node: OnnxNode,
  model: OnnxModel,
  constant: (name: string, initializer: Omit<Initializer, 'name'>) => string,
): OnnxNode {
  if (node.domain !== undefined || unchanged.has(node.opType)) return node;
  const [output = ''] = node.outputs;
  const number = (value: number) =>
    ({ dims: [], dataType: 'float32', chunks: () => [constantChunk(1, value)] }) as const;
  switch (node.opType) {
    // Limits and axes were attributes, and are inputs now.
    case 'Clip': {
      if (model.opset >= 11) return node;
      const limits = ['min', 'max'].map((end) => {
        const value = node.attributes[end];
        return value && 'float' in value ? constant(`${output}.${end}`, number(value.float)) : '';
      });
      return { ...node, inputs: [...node.inputs, ...limits], attributes: {} };
    }
    case 'Squeeze':
    case 'Unsqueeze': {
      const { axes, ...attributes } = node.attributes;
      if (axes === undefined || !('ints' in axes)) return node;
      const bytes = new BigInt64Array(axes.ints.map(BigInt));
      const tensor = {
        dims: [axes.ints.length],
        dataType: 'int64',
        chunks: () => [new Uint8Array(bytes.buffer)],
      } as const;
      return { ...node, inputs: [...node.inputs, constant(`${output}.axes`, tensor)], attributes };
    }
    // Its ratio says something to a training run only.
    case 'Dropout':
      return { ...node, attributes: {} };
    // Of [N, classes], which a classifier ends with, the default axis was 1 and is the last: the same.
    case 'Softmax':
    case 'LogSoftmax':
      if (node.attributes['axis'] === undefined || isLastOfTwo(node, model)) return { ...node, attributes: {} };
      throw tooOld(model, `its operator ${node.opType}`);
    default:
      throw tooOld(model, `its operator ${node.opType}`);
  }
}

const isLastOfTwo = ({ attributes: { axis } }: OnnxNode, model: OnnxModel): boolean =>
  axis !== undefined && 'int' in axis && axis.int === 1 && model.outputs[0]?.dims?.length === 2;

const tooOld = ({ opset }: OnnxModel, what: string): TypeError =>
  new TypeError(
    `${what} is written for operator set ${opset}, which is too old here: export the model with operator set ` +
      `${LEAST_OPSET} or later (torch.onnx.export: opset_version=${LEAST_OPSET})`,
  );

/**
 * Normalisations become part of the convolutions before them: γ · (w ∗ x + b − μ) / √(σ² + ε) + β is a convolution
 * with weights γ / √(σ² + ε) · w (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-
 * Arithmetic-Only Inference", section 3.2). Weights are made when they are written, as the source's are.
 */
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
