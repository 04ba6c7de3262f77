/**
 * An inference request as it comes: JSON alone, or as Triton's binary tensor extension has it, a JSON part of
 * `Inference-Header-Content-Length` bytes and then the values of the inputs.
 *
 * There are two kinds of input, of which a request has one:
 *  - the model's own, FP32 [N, 3, 224, 224] or whatever its metadata say: N rows, normalised by the client
 *  - `image`, BYTES [N] or [N, 1]: N pictures as files, for the service to decode, cut and normalise; in JSON as base64
 * Either way each row becomes a job of its own, and batching is the workers' business: rows of one request may run on several
 * of them at once, and with those of other requests. So the request is a unit for its client only.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProblemError } from '@quintet/shared';
import { parseJson, refuseUtf16 } from '../../parse-json.js';
import { decodeImage, mostOtherBytes } from '../body/json-body.js';
import { parseWithLongStrings, RestTooLargeError } from '../body/split-json.js';
import type { Tensors } from './served-model.js';
import type { NumberList } from './cut-numbers.js';
import { cutNumbers, parseNumbers } from './cut-numbers.js';
import { binarySizeOf, invalidRequest, optionsOf, outputsOf, parseHeader } from './infer-header.js';
import type { InferHeader, InferInput, RequestedOutput } from './infer-header.js';

export interface InferRequest {
  readonly id: string | undefined;
  /** Rows of the model's input as float32 little-endian, or pictures. */
  readonly rows: readonly Buffer[];
  readonly tensor: boolean;
  readonly outputs: readonly RequestedOutput[];
  readonly options: { readonly ttl_seconds?: number; readonly priority: number };
}

/** The name of the input that takes pictures. */
export const imageInput = 'image';

const jsonLimits = { longFrom: 4 * 1024, rest: mostOtherBytes };

/** The body, with its JSON part parsed. */
interface Parts {
  readonly header: InferHeader;
  /** The JSON part, where long strings of it are. */
  readonly json: Buffer;
  /** The JSON part as it came, where lists of numbers are. */
  readonly source: Buffer;
  readonly lists: ReadonlyMap<string, NumberList>;
  readonly binary: Buffer;
}

/** Reads the body. `headerLength` is the header Inference-Header-Content-Length. Throws `infer_request_invalid` and others. */
export async function readInferRequest(
  body: Buffer,
  headerLength: string | undefined,
  { tensors, maxRows }: { readonly tensors: Tensors; readonly maxRows: number },
): Promise<InferRequest> {
  const parts = await split(body, headerLength);
  const { header } = parts;
  const [input, ...others] = header.inputs;
  if (input === undefined || others.length > 0) {
    throw invalidRequest(`Send one input: ${tensors.input.name} (FP32) or ${imageInput} (BYTES)`);
  }
  const outputs = outputsOf(header, tensors.output.name);
  const options = optionsOf(header);
  const tensor = input.name === tensors.input.name && input.datatype !== 'BYTES';
  const rows = tensor
    ? await readTensor(parts, input, tensors, maxRows)
    : await readPictures(parts, input, tensors, maxRows);
  return { id: header.id, rows, tensor, outputs, options };
}

async function split(body: Buffer, headerLength: string | undefined): Promise<Parts> {
  if (headerLength === undefined) {
    try {
      refuseUtf16(body);
      const { json, lists } = await cutNumbers(body, jsonLimits);
      const header = parseHeader(parseWithLongStrings(json, jsonLimits));
      return { header, json, source: body, lists, binary: Buffer.alloc(0) };
    } catch (error) {
      throw asJsonProblem(error);
    }
  }
  const length = /^\d{1,10}$/.test(headerLength) ? Number(headerLength) : 0;
  if (length < 2 || length > Math.min(body.length, mostOtherBytes)) {
    throw invalidRequest(
      `Inference-Header-Content-Length must be from 2 to ${Math.min(body.length, mostOtherBytes)}, the bytes of the JSON part`,
    );
  }
  try {
    const json = body.subarray(0, length);
    refuseUtf16(json);
    const header = parseHeader(parseJson(json.toString('utf8')));
    return { header, json, source: json, lists: new Map(), binary: body.subarray(length) };
  } catch (error) {
    throw asJsonProblem(error);
  }
}

function asJsonProblem(error: unknown): unknown {
  if (error instanceof RestTooLargeError)
    return new ProblemError('body_too_large', `The document has ${error.message}.`);
  if (!(error instanceof SyntaxError)) return error;
  return new ProblemError('json_malformed', `The JSON of the request is malformed: ${error.message}.`);
}

async function readTensor(
  parts: Parts,
  input: InferInput,
  { input: wanted }: Tensors,
  maxRows: number,
): Promise<Buffer[]> {
  const [, ...row] = wanted.shape;
  const [count = 0, ...given] = input.shape;
  const isSame = given.length === row.length && given.every((size, axis) => size === row[axis]);
  if (input.datatype !== 'FP32' || !isSame) {
    const shown = `${input.datatype.slice(0, 20)} [${input.shape.join(', ')}]`;
    throw invalidRequest(`The input ${wanted.name} must be FP32 [N, ${row.join(', ')}], not ${shown}`);
  }
  checkCount(count, maxRows);
  const size = row.reduce((product, length) => product * length, 1);
  const values = await valuesOf(parts, input, count * size);
  const bytes = size * Float32Array.BYTES_PER_ELEMENT;
  const rows = Array.from({ length: count }, (_, index) => values.subarray(index * bytes, (index + 1) * bytes));
  for (const [index, each] of rows.entries()) {
    if (!isFinite(each)) throw invalidRequest(`Row ${index} of ${wanted.name} has a value that is not a finite number`);
    await nextTurn();
  }
  return rows;
}

/** `count` numbers as float32. */
async function valuesOf({ source, lists, binary }: Parts, input: InferInput, count: number): Promise<Buffer> {
  const bytes = count * Float32Array.BYTES_PER_ELEMENT;
  const size = binarySizeOf(input);
  if (size !== undefined) {
    if (size !== bytes || binary.length !== bytes) {
      throw invalidRequest(
        `The shape of ${input.name} needs ${bytes} bytes behind the JSON part; binary_data_size is ${size}, and there are ${binary.length}`,
      );
    }
    return binary;
  }
  const { data } = input;
  const list = typeof data === 'string' ? lists.get(data) : undefined;
  const numbers = list === undefined ? shortList(data, count) : await parseNumbers(source, list, count);
  if (numbers?.length !== count) throw invalidRequest(`data of ${input.name} must be a list of ${count} numbers`);
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function shortList(data: unknown, count: number): Float32Array | undefined {
  if (!Array.isArray(data)) return undefined;
  const numbers: unknown[] = data.flat(8);
  return numbers.length === count && numbers.every((value) => typeof value === 'number')
    ? Float32Array.from(numbers)
    : undefined;
}

/** Whether no value is infinite or NaN: those have an exponent of ones. The bytes need not be aligned. */
function isFinite(row: Buffer): boolean {
  for (let at = 3; at < row.length; at += 4) {
    if (((row[at] ?? 0) & 0x7f) === 0x7f && (row[at - 1] ?? 0) >= 0x80) return false;
  }
  return true;
}

async function readPictures(parts: Parts, input: InferInput, tensors: Tensors, maxRows: number): Promise<Buffer[]> {
  const [count = 0, one = 1, ...more] = input.shape;
  if (input.name !== imageInput || input.datatype !== 'BYTES' || one !== 1 || more.length > 0) {
    const shown = `${input.name.slice(0, 100)} of ${input.datatype.slice(0, 20)} [${input.shape.join(', ')}]`;
    const wanted = `${tensors.input.name} of FP32 [${tensors.input.shape.join(', ')}] or ${imageInput} of BYTES [N]`;
    throw invalidRequest(`The input must be ${wanted}, not ${shown}`);
  }
  checkCount(count, maxRows);
  return binarySizeOf(input) === undefined ? fromBase64(parts, input, count) : fromBinary(parts, input, count);
}

/** `count` is small, as its shape is checked; the list itself is as long as the body lets it be. */
async function fromBase64({ json }: Parts, { data }: InferInput, count: number): Promise<Buffer[]> {
  if (!Array.isArray(data)) throw invalidRequest(`data of ${imageInput} must be a list of pictures in base64`);
  const values: unknown[] = data.flat();
  if (values.length !== count) throw otherCount(String(values.length), count);
  const pictures: Buffer[] = [];
  for (const value of values) pictures.push(await decodeImage(json, value, 'data'));
  return pictures;
}

/** Each has its length before it, four bytes with the least first. An empty one has four bytes of the body, and costs hundreds. */
function fromBinary({ binary }: Parts, input: InferInput, count: number): Buffer[] {
  const size = binarySizeOf(input);
  if (size !== binary.length) {
    throw invalidRequest(
      `binary_data_size of ${imageInput} is ${size ?? 0}, and ${binary.length} bytes come behind the JSON part`,
    );
  }
  const pictures: Buffer[] = [];
  for (let at = 0; at < binary.length;) {
    const end = at + 4 <= binary.length ? at + 4 + binary.readUInt32LE(at) : Infinity;
    if (end > binary.length) throw invalidRequest(`A picture of ${imageInput} is longer than what is there`);
    if (pictures.length === count) throw otherCount('more', count);
    pictures.push(binary.subarray(at + 4, end));
    at = end;
  }
  if (pictures.length !== count) throw otherCount(String(pictures.length), count);
  return pictures;
}

function otherCount(found: string, count: number): ProblemError {
  return invalidRequest(`${imageInput} has ${found} pictures, and its shape says ${count}`);
}

function checkCount(count: number, maxRows: number): void {
  if (count >= 1 && count <= maxRows) return;
  throw invalidRequest(`A request may have from 1 to ${maxRows} rows, not ${count}`);
}
