/** Constants of a graph as numbers, whatever the graph does to them before they are used. */
import type { ConstantTensor, ModelGraph } from './read-graph.js';

export interface FloatConstant {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** The value of `name`. Throws TypeError where it depends on the input, or is made in a way that is not known here. */
export function floatConstant(graph: ModelGraph, name: string): FloatConstant {
  const found = graph.constants.get(name);
  if (found !== undefined) return { dims: found.dims, values: found.values() };
  const node = graph.producers.get(name);
  const [input = '', scale = '', zeroPoint = ''] = node?.inputs ?? [];
  if (node?.opType === 'Identity') return floatConstant(graph, input);
  if (node?.opType === 'Transpose') {
    return transposed(floatConstant(graph, input), node.attributes.get('perm')?.ints);
  }
  const [bytes, step] = [graph.constants.get(input), graph.constants.get(scale)];
  if (node?.opType === 'DequantizeLinear' && bytes !== undefined && step !== undefined) {
    const axis = node.attributes.get('axis')?.int ?? 1;
    return dequantized(bytes, step, graph.constants.get(zeroPoint), axis < 0 ? axis + bytes.dims.length : axis);
  }
  throw new TypeError(`${name} is not a constant`);
}

/** `step × (value − zeroPoint)`, each of which is one number, or one for each place along `axis`. */
export function dequantized(
  tensor: ConstantTensor,
  steps: ConstantTensor,
  zeroPoint: ConstantTensor | undefined,
  axis: number,
): FloatConstant {
  const { dims } = tensor;
  const scales = steps.values();
  const zeros = zeroPoint?.values() ?? new Float32Array(1);
  // Of one axis there is only one.
  const at = Math.min(axis, Math.max(0, dims.length - 1));
  const length = dims[at] ?? 1;
  const stride = dims.slice(at + 1).reduce((product, dim) => product * dim, 1);
  for (const each of [scales, zeros]) {
    if (each.length !== 1 && each.length !== length) throw new TypeError('a scale for each of something else');
  }
  // Millions of them: one place at a time, without a call for each value.
  const values = tensor.values();
  for (let from = 0; from < values.length; from += stride) {
    const place = (from / stride) % length;
    const scale = scales[scales.length === 1 ? 0 : place] ?? 0;
    const zero = zeros[zeros.length === 1 ? 0 : place] ?? 0;
    for (let index = from; index < from + stride; index += 1) values[index] = scale * ((values[index] ?? 0) - zero);
  }
  return { dims, values };
}

/** The one number of a constant. Throws TypeError where there are more. */
export function scalarOf(constant: ConstantTensor): number {
  const [value, ...others] = constant.values();
  if (value === undefined || others.length > 0) throw new TypeError('a scale for the whole tensor was expected');
  return value;
}

function transposed({ dims, values }: FloatConstant, permutation: readonly number[] | undefined): FloatConstant {
  const [rows = 0, columns = 0] = dims;
  const order = permutation ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (order.join() === dims.map((_, axis) => axis).join()) return { dims, values };
  if (dims.length !== 2) throw new TypeError('a transposed constant that is no matrix');
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return { dims: [columns, rows], values: result };
}
