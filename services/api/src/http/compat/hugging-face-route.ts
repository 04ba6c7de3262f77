/**
 * POST /models/:model, as Hugging Face's inference API has it for image classification: `@huggingface/inference` and Python's
 * `huggingface_hub` need no more than this address. With `?format=gradio` the answer is what Gradio's Label shows.
 */
import type { RequestHandler } from 'express';
import { ProblemError, type OutputStore, type Prediction } from '@quintet/shared';
import { mediaType } from '../body/read-upload.js';
import { mostOtherBytes } from '../body/json-body.js';
import { tooLarge } from '../body/read-body.js';
import { queryOf } from '../query.js';
import { readInput, readQuery, type ScoreFunction } from './hugging-face-input.js';
import type { BytesReader } from './read-bytes.js';
import { findModel, type Models } from './served-model.js';
import { Visit, type VisitContext } from './visit.js';

export interface CompatRoutes {
  readonly visits: VisitContext;
  readonly models: Models;
  readonly readBytes: BytesReader;
  readonly outputs: Pick<OutputStore, 'take'>;
  readonly maxUploadBytes: number;
}

interface Scored {
  readonly label: string;
  readonly score: number;
}

export function huggingFaceRoute(routes: CompatRoutes): RequestHandler {
  const { visits, models, readBytes, outputs, maxUploadBytes } = routes;
  return async (request, response) => {
    const query = readQuery(queryOf(request));
    const { ref } = await findModel(models, request.params['model']);
    const isJson = mediaType(request) === 'application/json';
    const most = isJson ? Math.ceil(maxUploadBytes * 1.4) + mostOtherBytes : maxUploadBytes;
    await Visit.run(visits, request, response, ref.name, async (visit) => {
      const { score, format } = await readBytes(
        request,
        response,
        { most, told: maxUploadBytes, compressed: false, isJson },
        async (body) => {
          const input = await readInput(body, isJson, query);
          if (Buffer.isBuffer(input.image) && input.image.length > maxUploadBytes) throw tooLarge(maxUploadBytes);
          const options = { ...input.options, model: ref.name };
          // Only softmax is kept of an answer; any other function needs what the model said itself.
          await visit.submit({ images: [input.image], tensor: false, output: input.score !== 'softmax', options });
          return input;
        },
      );
      const [job] = await visit.answers();
      const predictions = job?.predictions ?? [];
      const values = score === 'softmax' || job === undefined ? undefined : await outputs.take(job.id);
      if (score !== 'softmax' && values === undefined) throw outputGone();
      response.json(
        format === 'gradio' ? gradio(scored(predictions, score, values)) : scored(predictions, score, values),
      );
    });
  };
}

/** The model's values of a job that has succeeded are not there: it was another version of the worker, or a minute passed. */
export function outputGone(): ProblemError {
  return new ProblemError('inference_failed', "The model's values are no longer there. Send the request again.");
}

/** All three functions grow with the value: the order stays. */
function scored(predictions: readonly Prediction[], score: ScoreFunction, values: Float32Array | undefined): Scored[] {
  return predictions.map(({ label, index, score: probability }) => {
    const value = values?.[index] ?? 0;
    if (score === 'softmax') return { label, score: probability };
    return { label, score: score === 'sigmoid' ? 1 / (1 + Math.exp(-value)) : value };
  });
}

function gradio(list: readonly Scored[]): { readonly label: string | null; readonly confidences: readonly object[] } {
  return {
    label: list[0]?.label ?? null,
    confidences: list.map(({ label, score }) => ({ label, confidence: score })),
  };
}
