import type { Attribute, Initializer, OnnxModel, OnnxNode } from './encode.js';
import { QuantizedFilters, floatValues } from './quantized-filters.js';
import { constantChunk } from './weights.js';

/*
 * An int8 copy of a float32 network of convolutions, made without data: no pictures are run and no runtime is needed, so the
 * result is arithmetic that gives the same bytes everywhere.
 *
 * Weights: int8, see quantize-weights.ts; normalisations are folded into the convolutions before them, ReLUs into
 * whatever is before them (a uint8 with zero point 0 cannot be negative). Biases: int32 in steps of input scale × weight scale,
 * as the convolution's sums are. Activations: uint8 with ranges that the normalisations promise. Behind one of scale γ
 * a channel has the deviation γ; a sum has the root of its terms' squares; and PEAK_DEVIATIONS of that are the range (Nagel
 * et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 5, has 6 of them).
 * The logits stay float32: 256 steps for them would make equals of the first two classes.
 *
 * Form: operators on uint8 tensors, as the ONNX Model Zoo's int8 files have it (QLinearConv, and ONNX Runtime's QLinearAdd,
 * QLinearGlobalAveragePool and QGemm). Pairs of QuantizeLinear and DequantizeLinear around float operators were tried:
 * ONNX Runtime 1.30 turns them into the same kernels, with equal logits in equal time (22.8 and 22.9 ms for one picture on one core of an
 * AMD EPYC of the fourth generation, float32 77.5), from twice the nodes.
 */

/** Between 6 and 8 the error of the logits hardly changes; below, clipping costs more than finer steps bring. */
const PEAK_DEVIATIONS = 6.5;

/** The mean over a picture of what a ReLU lets through: about 0.4 deviations, and seldom more than 3. */
const PEAK_POOLED_DEVIATIONS = 3;

const CONTRIBUTED = 'com.microsoft';

/** A uint8 tensor of the new graph: `value = scale · (byte − zero point)`. */
interface Tensor {
  readonly name: string;
  readonly scale: number;
  /** Names of the constants that hold scale and zero point. */
  readonly parameters: readonly [string, string];
  /** Standard deviation that the normalisations before it promise, before a ReLU. */
  readonly deviation: number;
}

export interface QuantizeOptions {
  readonly graphName: string;
  readonly docString: string;
  /** The smallest and the largest value of the input; 0, with which pictures are padded, lies between. */
  readonly input: { readonly low: number; readonly high: number };
}

/**
 * Quantises a graph with one input, made of Conv with BatchNormalization behind it, Relu, Add, MaxPool,
 * GlobalAveragePool, Flatten and a last Gemm. The weights are made when they are written, as the source's are.
 * Throws TypeError for a graph of another kind.
 */
export function quantizeGraph(source: OnnxModel, options: QuantizeOptions): OnnxModel {
  const { nodes, initializers } = new GraphQuantizer(source).run(options.input);
  const extraOpsets = { ...source.extraOpsets, [CONTRIBUTED]: 1 };
  const { graphName, docString } = options;
  return { ...source, graphName, docString, extraOpsets, nodes, initializers };
}

class GraphQuantizer {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: Initializer[] = [];
  /** By their names in the source. */
  private readonly tensors = new Map<string, Tensor>();
  private readonly constants: ReadonlyMap<string, Initializer>;
  private readonly consumers = new Map<string, OnnxNode[]>();
  /** Nodes of the source that became part of the one before them. */
  private readonly absorbed = new Set<OnnxNode>();

  constructor(private readonly source: OnnxModel) {
    this.constants = new Map(source.initializers.map((initializer) => [initializer.name, initializer]));
    for (const node of source.nodes) {
      for (const input of node.inputs) this.consumers.set(input, [...(this.consumers.get(input) ?? []), node]);
    }
  }

  run(range: QuantizeOptions['input']): Pick<OnnxModel, 'nodes' | 'initializers'> {
    this.quantizeInput(range);
    for (const node of this.source.nodes) if (!this.absorbed.has(node)) this.translate(node);
    return { nodes: this.nodes, initializers: this.initializers };
  }

  private translate(node: OnnxNode): void {
    if (node.opType === 'Conv') this.conv(node);
    else if (node.opType === 'Add') this.add(node);
    else if (node.opType === 'MaxPool' || node.opType === 'Flatten') this.passOn(node);
    else if (node.opType === 'GlobalAveragePool') this.averagePool(node);
    else if (node.opType === 'Gemm') this.gemm(node);
    else throw new TypeError(`${node.name}: ${node.opType} cannot be quantised here`);
  }

  private quantizeInput({ low, high }: QuantizeOptions['input']): void {
    const [input, ...others] = this.source.inputs;
    if (input === undefined || others.length > 0) throw new TypeError('the graph must have one input');
    const scale = Math.fround((high - low) / 255);
    const x = this.tensor(`${input.name}.quantized`, scale, Math.round(-low / scale), 1);
    this.tensors.set(input.name, x);
    this.emit('QuantizeLinear', `${input.name}.quantize`, [input.name, ...x.parameters], x.name);
  }

  private conv(node: OnnxNode): void {
    const x = this.input(node, 0);
    const norm = this.absorb(node, 'BatchNormalization');
    if (norm === undefined) throw new TypeError(`${node.name}: no normalisation follows that tells its range`);
    const { gains, shifts, deviation } = this.normalisation(norm);
    const filters = this.filters(node, gains, shifts, x);
    const y = this.activation(norm, deviation);
    const inputs = [x.name, ...x.parameters, ...filters.names, ...y.parameters, filters.bias];
    this.emit('QLinearConv', node.name, inputs, y.name, node.attributes);
  }

  private add(node: OnnxNode): void {
    const [a, b] = [this.input(node, 0), this.input(node, 1)];
    // Not Math.hypot, whose last bit ECMAScript leaves to each engine.
    const y = this.activation(node, Math.sqrt(a.deviation * a.deviation + b.deviation * b.deviation));
    const inputs = [a.name, ...a.parameters, b.name, ...b.parameters, ...y.parameters];
    this.emit('QLinearAdd', node.name, inputs, y.name, {}, CONTRIBUTED);
  }

  /** What only moves or chooses values takes bytes as it takes floats. */
  private passOn(node: OnnxNode): void {
    const x = this.input(node, 0);
    const name = outputOf(node);
    this.tensors.set(name, { ...x, name });
    this.emit(node.opType, node.name, [x.name], name, node.attributes);
  }

  private averagePool(node: OnnxNode): void {
    const x = this.input(node, 0);
    const y = this.tensor(outputOf(node), Math.fround((PEAK_POOLED_DEVIATIONS * x.deviation) / 255), 0, x.deviation);
    const inputs = [x.name, ...x.parameters, ...y.parameters];
    this.emit('QLinearGlobalAveragePool', node.name, inputs, y.name, { channels_last: { int: 0 } }, CONTRIBUTED);
  }

  /** Without scale and zero point of an output, QGemm returns float32. */
  private gemm(node: OnnxNode): void {
    const x = this.input(node, 0);
    const shifts = Float64Array.from(floatValues(this.constantInput(node, 2)));
    const filters = this.filters(node, new Float64Array(shifts.length).fill(1), shifts, x);
    const inputs = [x.name, ...x.parameters, ...filters.names, filters.bias];
    this.emit('QGemm', node.name, inputs, outputOf(node), node.attributes, CONTRIBUTED);
  }

  /** Adds int8 weights, their scales and zero points, and int32 biases. */
  private filters(node: OnnxNode, gains: Float64Array, shifts: Float64Array, x: Tensor) {
    const filters = new QuantizedFilters(this.constantInput(node, 1), gains);
    const bias = filters.bias(`${node.name}.bias`, shifts, x.scale);
    const weights = [filters.weights, filters.scales, filters.zeroPoints];
    this.initializers.push(...weights, bias);
    return { names: weights.map(({ name }) => name), bias: bias.name };
  }

  /** `gains · x + shifts` by channel, and the largest deviation that a channel has behind it. */
  private normalisation(norm: OnnxNode): { gains: Float64Array; shifts: Float64Array; deviation: number } {
    const part = (index: number): Float32Array => floatValues(this.constantInput(norm, index));
    const [gamma, beta, mean, variance] = [part(1), part(2), part(3), part(4)];
    const { epsilon } = norm.attributes;
    const least = epsilon !== undefined && 'float' in epsilon ? Math.fround(epsilon.float) : 1e-5;
    const gains = Float64Array.from(gamma, (scale, index) => scale / Math.sqrt((variance[index] ?? 0) + least));
    const shifts = Float64Array.from(gains, (gain, index) => (beta[index] ?? 0) - (mean[index] ?? 0) * gain);
    return { gains, shifts, deviation: gamma.reduce((most, scale) => Math.max(most, Math.abs(scale)), 0) };
  }

  /** What `last` returns, behind a ReLU if only one reads it. */
  private activation(last: OnnxNode, deviation: number): Tensor {
    const relu = this.absorb(last, 'Relu');
    const peak = PEAK_DEVIATIONS * deviation;
    if (relu === undefined) return this.tensor(outputOf(last), Math.fround(peak / 127), 128, deviation);
    return this.tensor(outputOf(relu), Math.fround(peak / 255), 0, deviation);
  }

  private tensor(name: string, scale: number, zeroPoint: number, deviation: number): Tensor {
    const parameters = [`${name}_scale`, `${name}_zero_point`] as const;
    const chunks = [constantChunk(1, scale), Uint8Array.of(zeroPoint)] as const;
    this.initializers.push(
      { name: parameters[0], dims: [], dataType: 'float32', chunks: () => [chunks[0]] },
      { name: parameters[1], dims: [], dataType: 'uint8', chunks: () => [chunks[1]] },
    );
    const tensor = { name, scale, parameters, deviation };
    this.tensors.set(name, tensor);
    return tensor;
  }

  private input(node: OnnxNode, index: number): Tensor {
    const tensor = this.tensors.get(node.inputs[index] ?? '');
    if (tensor === undefined) throw new TypeError(`${node.name}: input ${index} is not a quantised tensor`);
    return tensor;
  }

  private constantInput(node: OnnxNode, index: number): Initializer {
    const found = this.constants.get(node.inputs[index] ?? '');
    if (found?.dataType !== 'float32') throw new TypeError(`${node.name}: input ${index} is not a float32 constant`);
    return found;
  }

  private absorb(node: OnnxNode, opType: string): OnnxNode | undefined {
    const [consumer, ...others] = this.consumers.get(outputOf(node)) ?? [];
    if (consumer?.opType !== opType || others.length > 0) return undefined;
    this.absorbed.add(consumer);
    return consumer;
  }

  private emit(
    opType: string,
    name: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain?: string,
  ): void {
    const node = { name, opType, inputs, outputs: [output], attributes };
    this.nodes.push(domain === undefined ? node : { ...node, domain });
  }
}

function outputOf(node: OnnxNode): string {
  const [output, ...others] = node.outputs;
  if (output === undefined || others.length > 0) throw new TypeError(`${node.name}: one output was expected`);
  return output;
}
