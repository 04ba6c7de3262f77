/**
 * POST /v2/models/:model[/versions/:version]/infer: the Open Inference Protocol, with Triton's extensions for binary tensors and
 * classification.
 *
 * What is answered is what the model returned, logits of most, so nothing that is kept for others could be given, and nothing is
 * kept: each request runs. Its client waits, and where it leaves, its jobs are canceled.
 */
import type { RequestHandler, Response } from 'express';
import { ProblemError, type OutputStore } from '@quintet/shared';
import { mostOtherBytes } from '../../body/json-body.js';
import { outputGone, type CompatRoutes } from '../hugging-face-route.js';
import { findModel, tensorsOf, type Tensors } from '../served-model.js';
import { Visit } from '../visit.js';
import { inferAnswer, type InferAnswer } from './infer-answer.js';
import { readInferRequest } from './infer-request.js';

/** Rows of a request, where an upload may be so large. */
const mostRows = 64;

/** How many rows one request may have. */
export function maxRowsOf({ input }: Tensors, maxUploadBytes: number): number {
  const [, ...row] = input.shape;
  const bytes = row.reduce((product, length) => product * length, Float32Array.BYTES_PER_ELEMENT);
  return Math.min(mostRows, Math.max(1, Math.floor(maxUploadBytes / bytes)));
}

export function inferRoute(routes: CompatRoutes): RequestHandler {
  const { visits, models, readBytes, outputs, maxUploadBytes } = routes;
  return async (request, response) => {
    const { model: name, version } = request.params;
    const served = await findModel(models, name, version);
    const tensors = tensorsOf(served);
    const maxRows = maxRowsOf(tensors, maxUploadBytes);
    const headerLength = request.headers['inference-header-content-length'];
    if (Array.isArray(headerLength))
      throw new ProblemError('infer_request_invalid', 'There are several header lengths.');
    // Base64 and decimal numbers are longer than what they stand for.
    const most = mostOtherBytes + (headerLength === undefined ? Math.ceil(maxUploadBytes * 1.4) : maxUploadBytes);
    await Visit.run(visits, request, response, served.ref.name, async (visit) => {
      const limits = { most, told: maxUploadBytes, compressed: true, isJson: headerLength === undefined };
      const asked = await readBytes(request, response, limits, async (body) => {
        const infer = await readInferRequest(body, headerLength, { tensors, maxRows });
        const classes = Math.max(1, ...infer.outputs.map((output) => output.classes ?? 1));
        const options = { ...infer.options, model: served.ref.name, top_k: classes };
        await visit.submit({ images: infer.rows, tensor: infer.tensor, output: true, options });
        // Without the rows: their memory is free now.
        return { id: infer.id, outputs: infer.outputs };
      });
      const jobs = await visit.answers();
      const values = await Promise.all(jobs.map(({ id }) => taken(outputs, id)));
      send(response, await inferAnswer(asked.id, asked.outputs, { jobs, values }));
    });
  };
}

async function taken(outputs: Pick<OutputStore, 'take'>, id: string): Promise<Float32Array> {
  const values = await outputs.take(id);
  if (values === undefined) throw outputGone();
  return values;
}

function send(response: Response, { json, binary }: InferAnswer): void {
  if (binary.length === 0) {
    response.type('application/json').send(json);
    return;
  }
  response
    .set('Inference-Header-Content-Length', String(Buffer.byteLength(json)))
    .type('application/octet-stream')
    .send(Buffer.concat([Buffer.from(json), ...binary]));
}
