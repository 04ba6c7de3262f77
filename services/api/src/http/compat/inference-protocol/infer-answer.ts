/** What a request is answered: all values of the model for each row, or as Triton's classification extension has it, the best. */
import { setImmediate as nextTurn } from 'node:timers/promises';
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
  /** As a JSON list. */
  readonly data: () => Promise<string>;
  readonly bytes: () => Buffer;
}

/** `rows` has one at least. Between its rows there is room for other work: 64 of 1000 values, eight times, are 10 MB of JSON. */
export async function inferAnswer(
  id: string | undefined,
  outputs: readonly RequestedOutput[],
  rows: AnsweredRows,
): Promise<InferAnswer> {
  const binary: Buffer[] = [];
  const described: string[] = [];
  const values = valuesOf(rows);
  for (const { name, classes, binary: isBinary } of outputs) {
    const output = classes === undefined ? values : classesOf(rows, classes);
    const { datatype, shape } = output;
    if (isBinary) {
      const bytes = output.bytes();
      binary.push(bytes);
      described.push(JSON.stringify({ name, datatype, shape, parameters: { binary_data_size: bytes.length } }));
    } else {
      described.push(`${JSON.stringify({ name, datatype, shape }).slice(0, -1)},"data":${await output.data()}}`);
    }
  }
  const model = rows.jobs[0]?.model;
  const head = JSON.stringify({
    ...(id === undefined ? {} : { id }),
    model_name: model?.name,
    model_version: model?.version,
  });
  return { json: `${head.slice(0, -1)},"outputs":[${described.join(',')}]}`, binary };
}

function valuesOf({ values }: AnsweredRows): Output {
  const classes = values[0]?.length ?? 0;
  let json: Promise<string> | undefined;
  return {
    datatype: 'FP32',
    shape: [values.length, classes],
    data: () => (json ??= listOf(values)),
    bytes: () => Buffer.concat(values.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength))),
  };
}

async function listOf(rows: readonly Float32Array[]): Promise<string> {
  const texts: string[] = [];
  for (const row of rows) {
    if (row.length > 0) texts.push(JSON.stringify([...row]).slice(1, -1));
    await nextTurn();
  }
  return `[${texts.join(',')}]`;
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
    data: () => Promise.resolve(JSON.stringify(texts)),
    bytes: () => Buffer.concat(texts.flatMap((text) => [lengthOf(text), Buffer.from(text)])),
  };
}

function lengthOf(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return length;
}
