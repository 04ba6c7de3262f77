import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Preprocess } from '../load-model.js';
import type { Chunks, FeatureMap, GraphBuilder } from '../onnx/graph-builder.js';
import { littleEndianBytes } from '../onnx/weights.js';
import { refused } from './byte-source.js';
import type { Tensors } from './pickle-values.js';
import type { StoredTensor } from './tensor.js';

/** A network that is known. */
export interface Architecture {
  readonly name: string;
  /** As the network's authors evaluate it; its `crop` is the size of the graph's input. */
  readonly preprocess: Preprocess;
  /** Builds the graph from input `data` to output `logits` and claims the weights that it needs. Returns the number of classes. */
  build(graph: GraphBuilder, weights: NetworkWeights): number;
}

const CHUNK_ELEMENTS = 1 << 19;

/** Counters that training keeps and no inference reads. */
const isCounter = (name: string): boolean => name.endsWith('.num_batches_tracked');

interface NormalisedConv {
  /** Names of the convolution and of the batch normalisation behind it, in the checkpoint. */
  readonly conv: string;
  readonly norm: string;
  readonly epsilon: number;
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number | readonly [before: number, after: number];
  readonly groups?: number;
}

/**
 * The tensors of a checkpoint as the constants of a graph. While the graph is built each tensor is only claimed, by name and
 * shape; `check` compares what was claimed with what is there, and `load` reads it. Only then do the graph's constants have bytes.
 */
export class NetworkWeights {
  readonly #claimed = new Set<string>();
  readonly #missing: string[] = [];
  readonly #misshapen: string[] = [];
  readonly #loads: (() => Promise<void>)[] = [];

  constructor(private readonly tensors: Tensors) {}

  /**
   * Convolution with the normalisation folded in: `w · γ / sqrt(σ² + ε)` and `β − μ · γ / sqrt(σ² + ε)` (Jacob et al. 2018,
   * "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", section 3.2), in double
   * precision, rounded once to float32.
   */
  conv(graph: GraphBuilder, x: FeatureMap, options: NormalisedConv): FeatureMap {
    const { conv, norm, epsilon, filters, kernel, groups = 1 } = options;
    const fanIn = (x.channels / groups) * kernel * kernel;
    const weight = this.#claim(`${conv}.weight`, [filters, x.channels / groups, kernel, kernel]);
    const parts = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
      this.#claim(`${norm}.${part}`, [filters]),
    );
    const loaded = { weights: new Float32Array(), bias: new Float32Array() };
    this.#loads.push(async () => {
      const [gamma, beta, mean, variance] = await Promise.all(parts.map((read) => read()));
      const gains = Float64Array.from(
        gamma ?? [],
        (each, row) => each / Math.sqrt((variance?.[row] ?? Number.NaN) + epsilon),
      );
      const values = await weight();
      const weights = new Float32Array(values.length);
      const bias = new Float32Array(filters);
      for (let row = 0, at = 0; row < filters; row += 1) {
        const gain = gains[row] ?? Number.NaN;
        for (let index = 0; index < fanIn; index += 1, at += 1) weights[at] = (values[at] ?? Number.NaN) * gain;
        bias[row] = (beta?.[row] ?? Number.NaN) - (mean?.[row] ?? Number.NaN) * gain;
      }
      assertFinite(weights, conv);
      assertFinite(bias, norm);
      Object.assign(loaded, { weights, bias });
    });
    const chunks = { weights: rowChunks(() => loaded.weights, fanIn), bias: rowChunks(() => loaded.bias, 1) };
    return graph.conv(x, { ...options, name: conv, ...chunks });
  }

  /** The last layer, `name`, with as many classes as it has outputs, which are returned. */
  classifier(graph: GraphBuilder, x: FeatureMap, name: string): number {
    const classes = this.tensors.get(`${name}.weight`)?.shape[0] ?? 0;
    if (classes < 1 || classes > MAX_CLASSES) {
      throw refused(`it has no last layer (${name}.weight) with 1 to ${MAX_CLASSES} classes`);
    }
    const loaded = { weights: new Float32Array(), bias: new Float32Array() };
    const claims = {
      weights: this.#claim(`${name}.weight`, [classes, x.channels]),
      bias: this.#claim(`${name}.bias`, [classes]),
    };
    this.#loads.push(async () => {
      const [weights, bias] = [Float32Array.from(await claims.weights()), Float32Array.from(await claims.bias())];
      assertFinite(weights, name);
      assertFinite(bias, name);
      Object.assign(loaded, { weights, bias });
    });
    const weights = rowChunks(() => loaded.weights, x.channels);
    const bias = rowChunks(() => loaded.bias, 1);
    graph.classifier(x, { output: 'logits', classes, weights, bias });
    return classes;
  }

  /** Throws ModelError `checkpoint_refused` unless the checkpoint has exactly what the network needs. */
  check(architecture: string): void {
    const others = [...this.tensors.keys()].filter((name) => !this.#claimed.has(name) && !isCounter(name));
    const problems = [
      ...(this.#missing.length === 0 ? [] : [`it lacks ${some(this.#missing)}`]),
      ...(others.length === 0 ? [] : [`it also has ${some(others)}`]),
      ...(this.#misshapen.length === 0 ? [] : [some(this.#misshapen)]),
    ];
    if (problems.length === 0) return;
    throw refused(`its tensors are like those of ${architecture}, but it is another network: ${problems.join('; ')}`);
  }

  /** Reads all that was claimed, one layer after the other. Rejects with ModelError, or as the signal says. */
  async load(signal?: AbortSignal): Promise<void> {
    for (const each of this.#loads) {
      signal?.throwIfAborted();
      await each();
      await nextTurn();
    }
  }

  #claim(name: string, shape: readonly number[]): () => Promise<Float64Array> {
    this.#claimed.add(name);
    const tensor = this.tensors.get(name);
    if (tensor === undefined) this.#missing.push(name);
    else if (!hasShape(tensor, shape)) {
      this.#misshapen.push(`${name} is [${tensor.shape.join(', ')}] where [${shape.join(', ')}] was expected`);
    }
    return () => tensor?.values(name) ?? Promise.resolve(new Float64Array());
  }
}

const MAX_CLASSES = 1_000_000;

const hasShape = ({ shape }: StoredTensor, expected: readonly number[]): boolean =>
  shape.length === expected.length && shape.every((size, axis) => size === expected[axis]);

function some(names: readonly string[]): string {
  const first = names.slice(0, 4).map((name) => name.slice(0, 200));
  return names.length > 4 ? `${first.join(', ')} and ${names.length - 4} more` : first.join(', ');
}

function assertFinite(values: Float32Array, name: string): void {
  if (values.every(Number.isFinite)) return;
  throw refused(`${name} has values that are no finite float32: the training may have diverged`);
}

/** In pieces of about 2 MB that end between rows. */
function rowChunks(loaded: () => Float32Array, rowLength: number): Chunks {
  const step = Math.max(1, Math.floor(CHUNK_ELEMENTS / rowLength)) * rowLength;
  return function* () {
    const values = loaded();
    for (let at = 0; at < values.length; at += step) yield littleEndianBytes(values.slice(at, at + step));
  };
}
