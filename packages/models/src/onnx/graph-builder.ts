import {
  elementCount,
  type Attribute,
  type Initializer,
  type OnnxModel,
  type OnnxNode,
  type ValueInfo,
} from './encode.js';
import { constantChunk, filterChunks } from './weights.js';

/** A float32 value in the graph: [channels, height, width] behind the symbolic batch. */
export interface FeatureMap {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export interface ConvOptions {
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  /** See FilterBank.centred. */
  readonly centred: boolean;
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

  constructor(private readonly seed: number) {}

  image(name: string, channels: number, height: number, width: number): FeatureMap {
    this.inputs.push({ name, dims: [BATCH, channels, height, width], dataType: 'float32' });
    return { name, channels, height, width };
  }

  /** Convolution without bias; He-initialised (`std = sqrt(2 / fan-in)`). */
  conv(x: FeatureMap, options: ConvOptions): FeatureMap {
    const { name, filters, kernel, stride, pad, centred } = options;
    const fanIn = x.channels * kernel * kernel;
    const weight = `${name}.weight`;
    const bank = { seed: this.seed, stream: weight, filters, fanIn, std: Math.sqrt(2 / fanIn), centred };
    this.constant(weight, [filters, x.channels, kernel, kernel], () => filterChunks(bank));
    this.parameters += filters * fanIn;
    const height = outputSize(x.height, kernel, stride, pad);
    const width = outputSize(x.width, kernel, stride, pad);
    this.macs += filters * fanIn * height * width;
    const output = this.node('Conv', name, [x.name, weight], {
      kernel_shape: { ints: [kernel, kernel] },
      strides: { ints: [stride, stride] },
      pads: { ints: [pad, pad, pad, pad] },
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
    const height = outputSize(x.height, kernel, stride, pad);
    return { ...x, name: output, height, width: outputSize(x.width, kernel, stride, pad) };
  }

  /** Global average pooling, flattening, a fully connected layer, and the graph's output. */
  classifier(x: FeatureMap, options: { output: string; classes: number; std: number }): void {
    const pooled = this.node('GlobalAveragePool', 'avgpool', [x.name], {});
    const flat = this.node('Flatten', 'flatten', [pooled], { axis: { int: 1 } });
    const { output, classes, std } = options;
    const bank = { seed: this.seed, stream: 'fc.weight', filters: classes, fanIn: x.channels, std, centred: true };
    this.constant('fc.weight', [classes, x.channels], () => filterChunks(bank));
    this.constant('fc.bias', [classes], () => [constantChunk(classes, 0)]);
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

  private constant(name: string, dims: readonly number[], chunks: () => Iterable<Uint8Array>): void {
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

function outputSize(size: number, kernel: number, stride: number, pad: number): number {
  return Math.floor((size + 2 * pad - kernel) / stride) + 1;
}
