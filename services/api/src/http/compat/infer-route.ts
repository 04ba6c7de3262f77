/**
 * POST /v2/models/:model[/versions/:version]/infer: the Open Inference Protocol, with Triton's extensions for binary
 * tensors and classification.
 *
 * The answer has the values that the model returned, logits of most. Answers that are kept for others do not have them:
 * so each request runs, and nothing of it is kept. Its client waits, and where it leaves, its jobs are canceled.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProblemError, type Job } from '@quintet/shared';
import { json, pictureBytes, preferParameter, visitCodes } from '../../openapi/operation.js';
import { addressOf } from '../../openapi/samples.js';
import { mostOtherBytes } from '../body/json-body.js';
import type { Endpoint } from '../route-table.js';
import type { RequestedOutput } from './infer-header.js';
import { readInferRequest } from './infer-request.js';
import { maxRowsOf, modelParameters, modelSuffix } from './metadata-routes.js';
import { findModel, tensorsOf } from './served-model.js';
import { Visit } from './visit.js';

/** `model` is the address of a model, or of one of its versions. */
export const infer = (model: string): Endpoint => ({
  operation: {
    id: `infer${modelSuffix(model)}`,
    tag: 'clients',
    parameters: [
      ...modelParameters(model),
      preferParameter,
      {
        in: 'header',
        name: 'Inference-Header-Content-Length',
        description: 'Bytes of the JSON part, where the values of an input come behind it.',
        schema: { type: 'integer' },
      },
    ],
    curl: sampleAt(`${model}/infer`),
    summary: "Runs the model on rows of its input, or on pictures; with Triton's binary tensors and classification.",
    description:
      'One input: the one of the metadata (FP32), or `image` (BYTES [N]), pictures as files, in JSON as base64. Each row is a ' +
      'job. Waits for the answer, MAX_WAIT_SECONDS at most. The body may be compressed with gzip or deflate.',
    body: {
      description: 'The request, alone or with binary tensors behind it.',
      content: { ...json('InferRequest'), 'application/octet-stream': pictureBytes },
    },
    answers: {
      200: {
        description: 'The outputs; in binary where that was asked for.',
        content: { ...json('InferResponse'), 'application/octet-stream': pictureBytes },
      },
    },
    codes: [...visitCodes, 'infer_request_invalid', 'model_unavailable'],
  },
  handler: (api) => async (request, response) => {
    const { models, maxUploadBytes } = api;
    const { model: name, version } = request.params;
    const served = await findModel(models, name, version);
    const tensors = tensorsOf(served);
    const maxRows = maxRowsOf(tensors, maxUploadBytes);
    const headerLength = request.headers['inference-header-content-length'];
    if (Array.isArray(headerLength))
      throw new ProblemError('infer_request_invalid', 'There are several header lengths.');
    // Base64 and decimal numbers are longer than what they stand for.
    const most = mostOtherBytes + (headerLength === undefined ? Math.ceil(maxUploadBytes * 1.4) : maxUploadBytes);
    const limits = { most, told: maxUploadBytes, compressed: true, isJson: headerLength === undefined };
    await Visit.run(api, request, response, served.ref.name, async (visit) => {
      const asked = await api.readBytes(request, response, limits, async (body) => {
        const { rows, tensor, outputs, ...rest } = await readInferRequest(body, headerLength, { tensors, maxRows });
        const classes = Math.max(1, ...outputs.map((output) => output.classes ?? 1));
        const options = { ...rest.options, model: served.ref.name, top_k: classes };
        await visit.submit({ images: rows, tensor, output: true, options });
        // Without the rows: their memory is free now.
        return { id: rest.id, outputs };
      });
      const jobs = await visit.answers();
      const values = await Promise.all(jobs.map((job) => visit.output(job)));
      const { head, binary } = await inferAnswer(asked.id, asked.outputs, { jobs, values });
      if (binary.length === 0) {
        response.type('application/json').send(head);
        return;
      }
      response
        .set('Inference-Header-Content-Length', String(Buffer.byteLength(head)))
        .type('application/octet-stream')
        .send(Buffer.concat([Buffer.from(head), ...binary]));
    });
  },
});

/** A picture, as a shell sends it. */
function sampleAt(path: string): string {
  const { address, assignments } = addressOf(path);
  const request = '{"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ["%s"]}]}';
  const written = `printf '${request}' "$(base64 < photo.jpg | tr -d '\\n')" > infer.json`;
  return [...assignments, written, `curl --data-binary @infer.json ${address}`].join('\n');
}

interface AnsweredRows {
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

/**
 * The JSON part of an answer, and the outputs that were asked for in binary, which come behind it: all values of the
 * model for each row, or as Triton's classification extension has it, the best. `rows` has one at least. Other work may
 * run between them: 64 of 1000 values, eight times, are 10 MB of JSON.
 */
async function inferAnswer(
  id: string | undefined,
  outputs: readonly RequestedOutput[],
  rows: AnsweredRows,
): Promise<{ readonly head: string; readonly binary: readonly Buffer[] }> {
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
  return { head: `${head.slice(0, -1)},"outputs":[${described.join(',')}]}`, binary };
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
