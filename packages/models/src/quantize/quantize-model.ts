/**
 * A float32 classifier in int8: static quantisation, written as pairs of QuantizeLinear and DequantizeLinear around float
 * operators of ONNX itself (QDQ), which ONNX Runtime turns into its int8 kernels and OpenVINO into its own.
 *
 * Activations: uint8, one scale and zero point for each tensor, over a range that is measured (or, of a generated network,
 * known). Weights: int8, symmetric, a scale for each output channel (quantized-filters.ts). Biases: int32 in steps of
 * input scale × weight scale. See Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
 * Integer-Arithmetic-Only Inference", section 2. Only arithmetic that IEEE 754 rounds correctly is used: the same model and
 * ranges give the same bytes on every machine.
 */
import type { Attribute, Initializer, OnnxModel, OnnxNode } from '../onnx/encode.js';
import { constantChunk } from '../onnx/weights.js';
import { foldBatchNorms, upgradeOpset } from './prepare-graph.js';
import { planQuantization, withoutUnused, type QuantizationPlan } from './plan.js';
import { QuantizedFilters, WEIGHT_LIMIT } from './quantized-filters.js';

/** The values that a tensor takes: from `low` to `high`, which include 0 or are widened to it. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface QuantizeOptions {
  /** By the name of the tensor in the float32 graph: one for each of `tensorsToMeasure`. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** Weights in 7 bits, so that CPUs without VNNI cannot saturate. */
  readonly narrow: boolean;
}

/** IR version that knows operator set 13. */
const LEAST_IR = 7;

const prepare = (source: OnnxModel): OnnxModel => foldBatchNorms(upgradeOpset(source));

/**
 * The tensors whose ranges `quantizeModel` needs, by their names in `source`, in the graph's order; the first is the
 * graph's input where that is quantised. Throws TypeError as `quantizeModel` does.
 */
export function tensorsToMeasure(source: OnnxModel): string[] {
  return [...new Set(planQuantization(prepare(source)).tensors.values())];
}

/**
 * The model in int8; weights are quantised when they are written. Throws TypeError for a model that is quantised already, has no
 * convolution, or is of an operator set too old, and for a tensor without a range.
 */
export function quantizeModel(source: OnnxModel, options: QuantizeOptions): OnnxModel {
  const model = prepare(source);
  const emitter = new Emitter(model, planQuantization(model), options);
  return {
    ...model,
    docString: `${model.docString}${model.docString === '' ? 'Quantised' : ', quantised'} to int8`,
    irVersion: Math.max(model.irVersion, LEAST_IR),
    ...emitter.run(),
  };
}

interface Parameters {
  /** Names of the constants. */
  readonly names: readonly [string, string];
  readonly scale: number;
}

class Emitter {
  private readonly nodes: OnnxNode[] = [];
  private readonly added: Initializer[] = [];
  private readonly replaced = new Set<string>();
  /** By the tensor that has the range. */
  private readonly parameters = new Map<string, Parameters>();
  private readonly constants: ReadonlyMap<string, Initializer>;

  constructor(
    private readonly model: OnnxModel,
    private readonly plan: QuantizationPlan,
    private readonly options: QuantizeOptions,
  ) {
    this.constants = new Map(model.initializers.map((each) => [each.name, each]));
  }

  run(): Pick<OnnxModel, 'nodes' | 'initializers'> {
    const { inputs, nodes, initializers } = this.model;
    const absorbed = new Set(this.plan.absorbed.values());
    for (const { name } of inputs) this.quantize(name);
    for (const node of nodes) if (!absorbed.has(node)) this.translate(node);
    return {
      nodes: this.nodes,
      initializers: [...withoutUnused(initializers, this.replaced, this.nodes), ...this.added],
    };
  }

  private translate(node: OnnxNode): void {
    const { outputs } = this.plan.absorbed.get(node) ?? node;
    const inputs = node.inputs.map((name) => (this.plan.tensors.has(name) ? `${name}.dequantized` : name));
    for (const name of (this.plan.absorbed.get(node)?.inputs ?? []).slice(1)) this.replaced.add(name);
    this.nodes.push({ ...node, inputs: [...this.filters(node, inputs)], outputs });
    for (const name of outputs) this.quantize(name);
  }

  /** The inputs of `node` with its weights in int8, if it is to have them. */
  private filters(node: OnnxNode, inputs: readonly string[]): readonly string[] {
    const layer = this.plan.weighted.get(node);
    if (layer === undefined) return inputs;
    const { weights, bias, axis } = layer;
    const source = this.constants.get(weights);
    if (source === undefined) throw new TypeError(`${weights} is not a constant`);
    const limit = this.options.narrow ? WEIGHT_LIMIT.narrow : WEIGHT_LIMIT.full;
    const inputScale = this.parametersOf(this.plan.tensors.get(node.inputs[0] ?? '') ?? '').scale;
    // Named for the node's output, which no other node has: two nodes may share their weights.
    const name = `${node.outputs[0] ?? ''}.weights`;
    const filters = new QuantizedFilters(source, { axis, limit, inputScale, bias, name });
    for (const input of node.inputs.slice(1)) this.replaced.add(input);
    const dequantized = this.dequantize(name, filters.weights, [filters.scales, filters.zeroPoints], axis);
    if (filters.bias === undefined) return [inputs[0] ?? '', dequantized];
    const [sums, steps] = filters.bias;
    return [inputs[0] ?? '', dequantized, this.dequantize(sums.name, sums, [steps], 0)];
  }

  private dequantize(name: string, tensor: Initializer, steps: readonly Initializer[], axis: number): string {
    this.added.push(tensor, ...steps);
    const inputs = [tensor, ...steps].map((each) => each.name);
    return this.emit('DequantizeLinear', `${name}.dequantized`, inputs, { axis: { int: axis } });
  }

  /** A pair of operators behind the tensor `name`, if it is to have one. */
  private quantize(name: string): void {
    const source = this.plan.tensors.get(name);
    if (source === undefined) return;
    const { names } = this.parametersOf(source);
    this.emit('QuantizeLinear', `${name}.quantized`, [name, ...names]);
    this.emit('DequantizeLinear', `${name}.dequantized`, [`${name}.quantized`, ...names]);
  }

  private parametersOf(tensor: string): Parameters {
    const known = this.parameters.get(tensor);
    if (known !== undefined) return known;
    const range = this.options.ranges.get(tensor);
    if (range === undefined) throw new TypeError(`there is no range for the tensor ${tensor}`);
    const { scale, zeroPoint } = steps(range);
    const names = [`${tensor}.scale`, `${tensor}.zero_point`] as const;
    this.added.push(
      { name: names[0], dims: [], dataType: 'float32', chunks: () => [constantChunk(1, scale)] },
      { name: names[1], dims: [], dataType: 'uint8', chunks: () => [Uint8Array.of(zeroPoint)] },
    );
    const parameters = { names, scale };
    this.parameters.set(tensor, parameters);
    return parameters;
  }

  private emit(
    opType: string,
    output: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    this.nodes.push({ name: output, opType, inputs, outputs: [output], attributes });
    return output;
  }
}

/** Below this a float32 scale would lose precision; such values are zero for any purpose. */
const LEAST_SCALE = 2 ** -100;

/**
 * Scale and zero point: `value ≈ scale · (byte − zeroPoint)`. 0 is one of the 256 values, since pictures are padded with it.
 * A range of nothing but 0 has the scale 1.
 */
export function steps({ low, high }: Range): { readonly scale: number; readonly zeroPoint: number } {
  const [least, most] = [Math.min(0, low), Math.max(0, high)];
  const scale = Math.fround((most - least) / 255);
  if (!(scale >= LEAST_SCALE && scale < Number.POSITIVE_INFINITY)) return { scale: 1, zeroPoint: 0 };
  return { scale, zeroPoint: Math.min(255, Math.max(0, Math.round(-least / scale))) };
}
