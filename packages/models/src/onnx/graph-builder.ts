import {
  elementCount,
  type Attribute,
  type Initializer,
  type OnnxModel,
  type OnnxNode,
  type ValueInfo,
} from './encode.js';
import { constantChunk } from './weights.js';

/** A float32 value in the graph: [channels, height, width] behind the symbolic batch. */
export interface FeatureMap {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** The bytes of a constant, as Initializer has them. */
export type Chunks = Initializer['chunks'];

interface ConvOptions {
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  /** Zeros before and after the picture, in height as in width; a single number means both. */
  readonly pad: number | readonly [before: number, after: number];
  /** Each group of filters sees as many of the channels. Default 1; `channels` for a depthwise convolution. */
  readonly groups?: number;
  /** float32 [filters, channels / groups, kernel, kernel]. */
  readonly weights: Chunks;
  /** float32 [filters]; absent where none is added. */
  readonly bias?: Chunks;
}

export interface GraphStatistics {
  /** Elements of all weights that training would change: convolutions, normalisation scale and bias, classifier. */
  readonly parameters: number;
  /** Multiply-accumulates of convolutions and matrix products for one image. */
  readonly macs: number;
}

export interface BuiltGraph {
  readonly model: OnnxModel;
  readonly statistics: GraphStatistics;
}

const BATCH = 'batch';

/** Builds a float32 image graph node by node, follows the shapes, and counts parameters and work as it goes. */
export class GraphBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: Initializer[] = [];
  private readonly inputs: ValueInfo[] = [];
  private readonly outputs: ValueInfo[] = [];
  private parameters = 0;
  private macs = 0;

  image(name: string, channels: number, height: number, width: number): FeatureMap {
    this.inputs.push({ name, dims: [BATCH, channels, height, width], dataType: 'float32' });
    return { name, channels, height, width };
  }

  conv(x: FeatureMap, options: ConvOptions): FeatureMap {
    const { name, filters, kernel, stride, pad, groups = 1, weights, bias } = options;
    const [before, after] = typeof pad === 'number' ? [pad, pad] : pad;
    const fanIn = (x.channels / groups) * kernel * kernel;
    const weight = `${name}.weight`;
    this.constant(weight, [filters, x.channels / groups, kernel, kernel], weights);
    const inputs = [x.name, weight];
    if (bias !== undefined) {
      this.constant(`${name}.bias`, [filters], bias);
      inputs.push(`${name}.bias`);
    }
    this.parameters += filters * fanIn + (bias === undefined ? 0 : filters);
    const height = outputSize(x.height, kernel, stride, before + after);
    const width = outputSize(x.width, kernel, stride, before + after);
    this.macs += filters * fanIn * height * width;
    const output = this.node('Conv', name, inputs, {
      kernel_shape: { ints: [kernel, kernel] },
      strides: { ints: [stride, stride] },
      pads: { ints: [before, before, after, after] },
      ...(groups === 1 ? {} : { group: { int: groups } }),
    });
    return { name: output, channels: filters, height, width };
  }

  /** Inference-mode normalisation: `scale · x / sqrt(variance)`, bias and mean 0. */
  batchNorm(x: FeatureMap, name: string, options: { readonly scale: number; readonly variance: number }): FeatureMap {
    const values = { weight: options.scale, bias: 0, running_mean: 0, running_var: options.variance };
    const inputs = Object.entries(values).map(([part, value]) => {
      const constant = `${name}.${part}`;
      this.constant(constant, [x.channels], () => [constantChunk(x.channels, value)]);
      return constant;
    });
    this.parameters += 2 * x.channels;
    return { ...x, name: this.node('BatchNormalization', name, [x.name, ...inputs], { epsilon: { float: 1e-5 } }) };
  }

  relu(x: FeatureMap, name: string): FeatureMap {
    return { ...x, name: this.node('Relu', name, [x.name], {}) };
  }

  /** min(max(x, 0), 6). */
  relu6(x: FeatureMap, name: string): FeatureMap {
    const bounds = [this.scalar('zero', 0), this.scalar('six', 6)];
    return { ...x, name: this.node('Clip', name, [x.name, ...bounds], {}) };
  }

  add(x: FeatureMap, y: FeatureMap, name: string): FeatureMap {
    if (x.channels !== y.channels || x.height !== y.height || x.width !== y.width) {
      throw new TypeError(`${name}: shapes of ${x.name} and ${y.name} differ`);
    }
    return { ...x, name: this.node('Add', name, [x.name, y.name], {}) };
  }

  maxPool(x: FeatureMap, name: string, kernel: number, stride: number, pad: number): FeatureMap {
    const output = this.node('MaxPool', name, [x.name], {
      kernel_shape: { ints: [kernel, kernel] },
      strides: { ints: [stride, stride] },
      pads: { ints: [pad, pad, pad, pad] },
    });
    const height = outputSize(x.height, kernel, stride, 2 * pad);
    return { ...x, name: output, height, width: outputSize(x.width, kernel, stride, 2 * pad) };
  }

  /** Global average pooling, flattening, a fully connected layer (weights [classes, channels]), and the graph's output. */
  classifier(x: FeatureMap, options: { output: string; classes: number; weights: Chunks; bias: Chunks }): void {
    const pooled = this.node('GlobalAveragePool', 'avgpool', [x.name], {});
    const flat = this.node('Flatten', 'flatten', [pooled], { axis: { int: 1 } });
    const { output, classes, weights, bias } = options;
    this.constant('fc.weight', [classes, x.channels], weights);
    this.constant('fc.bias', [classes], bias);
    this.parameters += classes * x.channels + classes;
    this.macs += classes * x.channels;
    this.node('Gemm', 'fc', [flat, 'fc.weight', 'fc.bias'], { transB: { int: 1 } }, output);
    this.outputs.push({ name: output, dims: [BATCH, classes], dataType: 'float32' });
  }

  build(graphName: string, docString: string): BuiltGraph {
    const { nodes, inputs, outputs, initializers, parameters, macs } = this;
    // IR 7 with operator set 13: old enough for every runtime in use, new enough for per-channel quantisation.
    const model = { graphName, docString, irVersion: 7, opset: 13, nodes, inputs, outputs, initializers };
    return { model, statistics: { parameters, macs } };
  }

  private scalar(name: string, value: number): string {
    if (!this.initializers.some((each) => each.name === name)) this.constant(name, [], () => [constantChunk(1, value)]);
    return name;
  }

  private constant(name: string, dims: readonly number[], chunks: Chunks): void {
    if (elementCount(dims) === 0) throw new TypeError(`${name}: empty tensor`);
    this.initializers.push({ name, dims, dataType: 'float32', chunks });
  }

  private node(
    opType: string,
    name: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute>,
    output = `${name}.out`,
  ): string {
    this.nodes.push({ name, opType, inputs, outputs: [output], attributes });
    return output;
  }
}

/** `padding`: before and after together. */
function outputSize(size: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((size + padding - kernel) / stride) + 1;
}
