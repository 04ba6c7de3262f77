/** The JSON part of an inference request: its shape, and what its parameters mean. Unknown members and parameters are ignored. */
import { ProblemError } from '@quintet/shared';
import type { z } from 'zod';
import { inferRequestSchema } from '../../openapi/shapes.js';

export type InferHeader = z.infer<typeof inferRequestSchema>;
export type InferInput = InferHeader['inputs'][number];
type Parameters = InferHeader['parameters'];

/** Triton's bound is the number of classes; here an answer has 20 labels at most. */
const mostClasses = 20;
/** Of what `ttl_seconds` allows. */
const longestTimeoutSeconds = 604_800;

export interface RequestedOutput {
  readonly name: string;
  /** The best so many classes in place of all values. */
  readonly classes: number | undefined;
  /** Behind the JSON part instead of in it. */
  readonly binary: boolean;
}

export function invalidRequest(detail: string): ProblemError {
  return new ProblemError('infer_request_invalid', `${detail}.`);
}

/** Throws `infer_request_invalid`, which names the member. */
export function parseHeader(value: unknown): InferHeader {
  const parsed = inferRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw invalidRequest(`${where === '' ? 'The request' : where}: ${issue?.message ?? 'invalid'}`);
}

/** What is to be answered: the model's one output, once where nothing is said, or as often as it is asked for. */
export function outputsOf({ outputs, parameters: given }: InferHeader, name: string): RequestedOutput[] {
  const binaryByDefault = flag(given, 'binary_data_output') ?? false;
  if (outputs === undefined || outputs.length === 0) return [{ name, classes: undefined, binary: binaryByDefault }];
  return outputs.map((output) => {
    if (output.name !== name) throw invalidRequest(`The model has no output ${output.name.slice(0, 100)}, but ${name}`);
    refuseSharedMemory(output.parameters);
    const classes = whole(output.parameters, 'classification', 1, mostClasses);
    return { name, classes, binary: flag(output.parameters, 'binary_data') ?? binaryByDefault };
  });
}

/**
 * The options of a job that the request's parameters stand for. `timeout` is in microseconds, and as Triton has it for the start;
 * of its priorities 1 is the highest, as 0 is here.
 */
export function optionsOf({ parameters: given }: InferHeader): { ttl_seconds?: number; priority: number } {
  if (given?.['sequence_id'] !== undefined && given['sequence_id'] !== 0) {
    throw invalidRequest('The model keeps no state: it takes no sequence_id');
  }
  const timeout = whole(given, 'timeout', 0, longestTimeoutSeconds * 1e6);
  const priority = whole(given, 'priority', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  return {
    ...(timeout === undefined || timeout === 0 ? {} : { ttl_seconds: timeout / 1e6 }),
    priority: Math.min(10, Math.max(0, priority - 1)),
  };
}

/** Bytes of an input behind the JSON part; undefined where its values are in it. */
export function binarySizeOf({ parameters: given }: InferInput): number | undefined {
  refuseSharedMemory(given);
  return whole(given, 'binary_data_size', 0, Number.MAX_SAFE_INTEGER);
}

function refuseSharedMemory(given: Parameters): void {
  if (given?.['shared_memory_region'] !== undefined) {
    throw invalidRequest('Shared memory is not supported: workers are on other machines');
  }
}

function whole(given: Parameters, name: string, least: number, most: number): number | undefined {
  const value = given?.[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  const bound = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw invalidRequest(`The parameter ${name} must be a whole number ${bound}`);
}

function flag(given: Parameters, name: string): boolean | undefined {
  const value = given?.[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalidRequest(`The parameter ${name} must be true or false`);
}
