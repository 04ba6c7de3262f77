/** What a request is answered: all values of the model for each row, or as Triton's classification extension has it, the best. */
import type { Job } from '@quintet/shared';
import type { RequestedOutput } from './infer-header.js';

export interface InferAnswer {
  /** The JSON part. */
  readonly json: string;
  /** What comes behind it, where an output was asked for in binary. */
  readonly binary: readonly Buffer[];
}

export interface AnsweredRows {
  readonly jobs: readonly Job[];
  /** Of each job, one value per class. */
  readonly values: readonly Float32Array[];
}

interface Output {
  readonly datatype: 'FP32' | 'BYTES';
  readonly shape: readonly number[];
  readonly data: () => readonly (number | string)[];
  readonly bytes: () => Buffer;
}

/** `rows` has one at least. */
export function inferAnswer(
  id: string | undefined,
  outputs: readonly RequestedOutput[],
  rows: AnsweredRows,
): InferAnswer {
  const binary: Buffer[] = [];
  const described = outputs.map(({ name, classes, binary: isBinary }) => {
    const output = classes === undefined ? valuesOf(rows) : classesOf(rows, classes);
    const { datatype, shape } = output;
    if (!isBinary) return { name, datatype, shape, data: output.data() };
    const bytes = output.bytes();
    binary.push(bytes);
    return { name, datatype, shape, parameters: { binary_data_size: bytes.length } };
  });
  const model = rows.jobs[0]?.model;
  const json = JSON.stringify({
    ...(id === undefined ? {} : { id }),
    model_name: model?.name,
    model_version: model?.version,
    outputs: described,
  });
  return { json, binary };
}

function valuesOf({ values }: AnsweredRows): Output {
  const classes = values[0]?.length ?? 0;
  return {
    datatype: 'FP32',
    shape: [values.length, classes],
    data: () => values.flatMap((row) => [...row]),
    bytes: () => Buffer.concat(values.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength))),
  };
}

/** `value:index:label`, the value as the model gave it, best first. */
function classesOf({ jobs, values }: AnsweredRows, count: number): Output {
  const rows = jobs.map(({ predictions = [] }, row) =>
    predictions
      .slice(0, count)
      .map(({ index, label }) => `${(values[row]?.[index] ?? 0).toFixed(6)}:${index}:${label}`),
  );
  const texts = rows.flat();
  return {
    datatype: 'BYTES',
    shape: [rows.length, rows[0]?.length ?? 0],
    data: () => texts,
    bytes: () => Buffer.concat(texts.flatMap((text) => [lengthOf(text), Buffer.from(text)])),
  };
}

function lengthOf(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return length;
}
