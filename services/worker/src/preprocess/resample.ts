/**
 * Antialiased bilinear and bicubic resampling as Pillow does it, to the bit, for one window of the result.
 *
 * Each output pixel is a weighted mean of the source pixels under a filter centred on it, a triangle or a cubic, stretched by
 * max(1, scale); weights have 22 fractional bits; rows first as a rule, rounded and clipped to 8 bits, then columns. Only the window
 * that is asked for is computed, from only the source pixels it needs: a 1 × 5000 picture enlarged to 256 × 1 280 000 costs
 * what any other does. Source: Pillow's src/libImaging/Resample.c, `precompute_coeffs` and `normalize_coeffs_8bpc`.
 *
 * The inner loops are WebAssembly with 128-bit vectors (kernel/resample.wat), since this competes with inference for the
 * cores: in JavaScript they took many times as long, nearly half of a usual photo's preprocessing (bench/preprocess.mjs).
 * Trade-off: a kilobyte of compiled code in the repository, which a test compares with its source.
 * The source passes through the kernel's memory in pieces that fit the processor's cache; that memory, one per thread,
 * therefore stays small whatever the picture's size, and is used by one call at a time since a call never waits.
 */
import type { Preprocess } from '@quintet/models';
import { resampleKernel } from './resample-kernel.js';

/**
 * Fractional bits of a weight. A sum reaches at most 255 × 2^22 times the sum of the weights' magnitudes, which is 1 for
 * bilinear and at most 1.3 for bicubic. 32-bit sums would overflow from 2 on.
 */
const PRECISION = 22;
/** Bits of a weight's lower part in the kernel. */
const LOW_BITS = 11;
const PAGE = 65_536;
/** How much of the source is in the kernel's memory at a time. */
const PIECE_BYTES = 256 * 1024;
/** The kernel reads up to 16 bytes beyond what it uses, and writes one. */
const SLACK = 16;

export type Interpolation = Preprocess['interpolation'];

/** One axis: `source` pixels become `target`, of which [start, start + length) are wanted. */
export interface Axis {
  readonly interpolation: Interpolation;
  readonly source: number;
  readonly target: number;
  readonly start: number;
  readonly length: number;
  /** The source lies in memory from its end. So does what is made of it: output pixels come in the order of the source's. */
  readonly backwards?: boolean;
}

/** Half the width of a filter, and its value at a distance from its centre; both in pixels of the larger picture. */
interface Filter {
  readonly support: number;
  readonly at: (distance: number) => number;
}

/** In the order of Pillow's operations: each rounds to a float64. The cubic is Keys' with a = −0.5. */
const filters: Readonly<Record<Interpolation, Filter>> = {
  bilinear: { support: 1, at: (x) => (x < 1 ? 1 - x : 0) },
  bicubic: {
    support: 2,
    at: (x) => {
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
};

/** An RGB rectangle of the source picture, whose top left pixel is (left, top) there. */
export interface SourceWindow {
  readonly data: Uint8Array;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The weights of a run of output pixels along one axis, as the kernel takes them. */
interface Weights {
  /** Byte of the first source pixel of each output pixel. */
  readonly first: Int32Array;
  /** How many pairs of source pixels each output pixel takes. */
  readonly pairs: Int32Array;
  /** `stride` bytes for each output pixel: pairs of high parts and of low parts. */
  readonly values: Int16Array;
  readonly stride: number;
}

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly across: (...args: number[]) => void;
  readonly down: (...args: number[]) => void;
}

/** As much of it as is used: the types of Node 20 leave it to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

let loaded: Kernel | undefined;

/** The kernel with at least as much memory as `layout` takes. */
function kernelFor(layout: Layout): Kernel & { readonly bytes: Uint8Array<ArrayBuffer> } {
  if (loaded === undefined) {
    const module = new WebAssembly.Module(Buffer.from(resampleKernel, 'base64'));
    loaded = new WebAssembly.Instance(module).exports as Kernel;
  }
  const { memory, across, down } = loaded;
  const missing = layout.end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  return { memory, across, down, bytes: new Uint8Array(memory.buffer) };
}

/** Of the output pixel `index` of those that are wanted, in the order in which the source lies: its source pixels [first, end). */
function bounds(axis: Axis, index: number): { center: number; first: number; end: number; from: number } {
  const { source, target, start, length, interpolation, backwards = false } = axis;
  const scale = source / target;
  const support = filters[interpolation].support * Math.max(1, scale);
  const center = (start + (backwards ? length - 1 - index : index) + 0.5) * scale;
  const from = Math.max(0, Math.trunc(center - support + 0.5));
  const to = Math.min(source, Math.trunc(center + support + 0.5));
  return backwards ? { center, first: source - to, end: source - from, from } : { center, first: from, end: to, from };
}

/** The source pixels [first, end) that the wanted part of an axis depends on. */
export function sourceSpan(axis: Axis): { first: number; end: number } {
  return { first: bounds(axis, 0).first, end: bounds(axis, axis.length - 1).end };
}

/** @param origin the first source pixel that is in memory @param step bytes from one source pixel to the next */
function weightsOf(axis: Axis, origin: number, step: number): Weights {
  const { support, at: filter } = filters[axis.interpolation];
  const stretch = Math.max(1, axis.source / axis.target);
  const taps = Math.ceil((Math.ceil(support * stretch) * 2 + 1) / 4) * 4;
  const first = new Int32Array(axis.length);
  const pairs = new Int32Array(axis.length);
  const values = new Int16Array(axis.length * taps * 2);
  const exact = new Float64Array(taps);
  for (let i = 0; i < axis.length; i += 1) {
    const { center, first: lowest, end, from } = bounds(axis, i);
    const count = end - lowest;
    let sum = 0;
    for (let k = 0; k < count; k += 1) {
      const weight = filter(Math.abs((from + k - center + 0.5) * (1 / stretch)));
      exact[k] = weight;
      sum += weight;
    }
    if (axis.backwards === true) exact.subarray(0, count).reverse();
    first[i] = (lowest - origin) * step;
    pairs[i] = (count + 1) >> 1;
    for (let k = 0; k < count; k += 1) {
      const weight = ((exact[k] ?? 0) / sum) * 2 ** PRECISION;
      // Halves go away from zero. The shift rounds down, so that the lower part is never negative.
      const value = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
      const at = (i * taps + (k & ~1)) * 2 + (k & 1);
      values[at] = value >> LOW_BITS;
      values[at + 2] = value & ((1 << LOW_BITS) - 1);
    }
  }
  return { first, pairs, values, stride: taps * 4 };
}

/**
 * Resamples the part of a picture that `horizontal` and `vertical` ask for.
 *
 * @param source RGB pixels that cover at least `sourceSpan` of both axes
 * @param transposed whether the picture is shown with its rows as columns: it decides which come first
 * @returns `horizontal.length` × `vertical.length` RGB pixels, rows from the top, in a buffer of their own
 */
export function resampleWindow(
  source: SourceWindow,
  horizontal: Axis,
  vertical: Axis,
  transposed = false,
): Uint8Array<ArrayBuffer> {
  checkCover(source, horizontal, vertical);
  return (transposed ? !columnsComeFirst(vertical, horizontal) : columnsComeFirst(horizontal, vertical))
    ? columnsThenRows(source, horizontal, vertical)
    : rowsThenColumns(source, horizontal, vertical);
}

/**
 * Pillow from 13.0 on resamples columns first where that saves work: of pictures that become smaller, those more than twice
 * as high as wide. The order shows in the last bit, since the first pass is rounded. Found by trying: 3000 sizes agree.
 */
function columnsComeFirst(horizontal: Axis, vertical: Axis): boolean {
  const [lessWide, lessHigh] = [horizontal.source - horizontal.target, vertical.source - vertical.target];
  return lessHigh > 0 && lessHigh > 2 * lessWide;
}

function rowsThenColumns(source: SourceWindow, horizontal: Axis, vertical: Axis): Uint8Array<ArrayBuffer> {
  const rows = sourceSpan(vertical);
  const count = rows.end - rows.first;
  const line = horizontal.length * 3;
  const step = roundUp(line, SLACK);
  const across = weightsOf(horizontal, source.left, 3);
  const down = weightsOf(vertical, rows.first, step);
  const sourceStep = source.width * 3;
  const pieceRows = Math.max(1, Math.floor(PIECE_BYTES / sourceStep));

  const layout = new Layout();
  const [acrossAt, downAt] = [layout.weights(across), layout.weights(down)];
  // A pair may end with a row that does not exist and weighs nothing.
  const middleAt = layout.take((count + 1) * step);
  const outAt = layout.take(vertical.length * step);
  const pieceAt = layout.take(pieceRows * sourceStep);
  const { bytes, across: weighAcross, down: weighDown } = kernelFor(layout);
  place(bytes, across, acrossAt);
  place(bytes, down, downAt);

  for (let row = 0; row < count; row += pieceRows) {
    const part = Math.min(pieceRows, count - row);
    const from = (rows.first - source.top + row) * sourceStep;
    bytes.set(source.data.subarray(from, from + part * sourceStep), pieceAt);
    const to = middleAt + row * step;
    weighAcross(pieceAt, sourceStep, part, to, step, ...acrossAt, across.stride, horizontal.length);
  }
  weighDown(middleAt, step, outAt, ...downAt, down.stride, vertical.length);

  if (step === line) return bytes.slice(outAt, outAt + vertical.length * line);
  const out = new Uint8Array(vertical.length * line);
  for (let row = 0; row < vertical.length; row += 1) {
    out.set(bytes.subarray(outAt + row * step, outAt + row * step + line), row * line);
  }
  return out;
}

function columnsThenRows(source: SourceWindow, horizontal: Axis, vertical: Axis): Uint8Array<ArrayBuffer> {
  const line = horizontal.length * 3;
  const step = source.width * 3;
  const across = weightsOf(horizontal, source.left, 3);
  const down = weightsOf(vertical, source.top, step);
  const pieces = piecesOf(vertical, Math.floor(PIECE_BYTES / step));

  const layout = new Layout();
  const [acrossAt, downAt] = [layout.weights(across), layout.weights(down)];
  const middleAt = layout.take(vertical.length * step);
  const outAt = layout.take(vertical.length * line);
  const pieceAt = layout.take(Math.max(...pieces.map(({ first, end }) => end - first + 1)) * step);
  const { bytes, across: weighAcross, down: weighDown } = kernelFor(layout);
  place(bytes, across, acrossAt);
  place(bytes, down, downAt);

  const [firstAt, pairsAt, valuesAt] = downAt;
  for (const { start, length, first, end } of pieces) {
    const from = (first - source.top) * step;
    bytes.set(source.data.subarray(from, (end - source.top) * step), pieceAt);
    const weightsAt = [firstAt + start * 4, pairsAt + start * 4, valuesAt + start * down.stride] as const;
    // Rows are written from the top: what goes beyond the end of one is written over by the next.
    weighDown(pieceAt - from, step, middleAt + start * step, ...weightsAt, down.stride, length);
  }
  weighAcross(middleAt, step, vertical.length, outAt, line, ...acrossAt, across.stride, horizontal.length);
  return bytes.slice(outAt, outAt + vertical.length * line);
}

/** Runs of output rows, [start, start + length), that need at most `most` source rows, [first, end), or are one row alone. */
function piecesOf(vertical: Axis, most: number): { start: number; length: number; first: number; end: number }[] {
  const pieces: { start: number; length: number; first: number; end: number }[] = [];
  for (let i = 0; i < vertical.length; i += 1) {
    const { first, end } = bounds(vertical, i);
    const last = pieces.at(-1);
    if (last !== undefined && end - last.first <= most) {
      last.length += 1;
      last.end = end;
    } else {
      pieces.push({ start: i, length: 1, first, end });
    }
  }
  return pieces;
}

/** The kernel does not check: what it read beyond the source would be another picture's. */
function checkCover({ data, left, top, width, height }: SourceWindow, horizontal: Axis, vertical: Axis): void {
  const [columns, rows] = [sourceSpan(horizontal), sourceSpan(vertical)];
  const covered = left <= columns.first && columns.end <= left + width && top <= rows.first && rows.end <= top + height;
  if (!covered || data.length < width * height * 3) {
    throw new RangeError(`the source of ${width} × ${height} pixels does not cover what is resampled`);
  }
}

type Addresses = readonly [first: number, pairs: number, values: number];

/** Gives out the kernel's memory from the start, in pieces that begin at multiples of 16. */
class Layout {
  end = 0;

  take(size: number): number {
    const at = this.end;
    this.end = roundUp(at + size + SLACK, SLACK);
    return at;
  }

  weights({ first, pairs, values }: Weights): Addresses {
    return [this.take(first.byteLength), this.take(pairs.byteLength), this.take(values.byteLength)];
  }
}

function place(memory: Uint8Array, { first, pairs, values }: Weights, at: Addresses): void {
  for (const [index, part] of [first, pairs, values].entries()) {
    memory.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at[index]);
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
