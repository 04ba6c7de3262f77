/**
 * From an older operator set of ONNX to 13, the first in which weights can have a scale for each channel.
 * The changelog of ONNX's operators has the differences.
 */
import type { Initializer, OnnxModel, OnnxNode } from '../onnx/encode.js';
import { constantChunk } from '../onnx/weights.js';

export const LEAST_OPSET = 13;
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
