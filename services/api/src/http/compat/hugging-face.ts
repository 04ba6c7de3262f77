/**
 * POST /models/:model, as Hugging Face's inference API has it for image classification: `@huggingface/inference` and
 * Python's `huggingface_hub` need no more than this address. With `?format=gradio` the answer is what Gradio's Label
 * shows.
 *
 * Clients send the picture's bytes, with any content type or none, or
 * `{"inputs": "<base64>" | "<address>", "parameters": {"top_k", "function_to_apply"}}`. The JavaScript client drops
 * parameters where it sends bytes, so they may also be in the query.
 */
import { ProblemError, type FieldError, type JobOptions, type Prediction } from '@quintet/shared';
import { parseOptions, parseTextOptions } from '../../jobs/index.js';
import {
  cacheParameter,
  json,
  pathParameter,
  pictureBytes,
  preferParameter,
  queryParameter,
  visitCodes,
} from '../../openapi/operation.js';
import { ref } from '../../openapi/schemas.js';
import { decodeImage, mostOtherBytes, parseDocument, parseUrl } from '../body/json-body.js';
import { tooLarge } from '../body/read-body.js';
import { mediaType } from '../body/read-upload.js';
import { queryOf } from '../query.js';
import type { Endpoint } from '../route-table.js';
import { findModel } from './served-model.js';
import { Visit } from './visit.js';

const functions = ['softmax', 'sigmoid', 'none'] as const;
/** What makes scores of the model's values. */
type ScoreFunction = (typeof functions)[number];

const formats = ['huggingface', 'gradio'] as const;
type AnswerFormat = (typeof formats)[number];

interface HuggingFaceInput {
  readonly image: Buffer | URL;
  readonly options: JobOptions;
  readonly score: ScoreFunction;
  readonly format: AnswerFormat;
}

/** Query parameters and `parameters` of the document. */
interface Parameters {
  readonly top_k?: unknown;
  readonly function_to_apply?: unknown;
  readonly format?: unknown;
}

interface Scored {
  readonly label: string;
  readonly score: number;
}

export const classify: Endpoint = {
  operation: {
    id: 'classifyAsHuggingFace',
    tag: 'clients',
    summary: "Classifies a picture, as Hugging Face's inference API does.",
    description:
      'Waits for the answer, MAX_WAIT_SECONDS at most. A body that is not JSON is a picture, whatever its type is said to be. What is ' +
      'full is 429, and what is away 502: clients repeat 503 at once.',
    parameters: [
      pathParameter('model', "The model's name."),
      preferParameter,
      cacheParameter,
      queryParameter('top_k', 'How many labels; 5 unless set.', { type: 'integer', minimum: 1, maximum: 20 }),
      queryParameter('function_to_apply', "What makes scores of the model's values; `softmax` unless set.", {
        type: 'string',
        enum: ['softmax', 'sigmoid', 'none'],
      }),
      queryParameter('format', '`gradio`: as its Label shows it; `huggingface` unless set.', {
        type: 'string',
        enum: ['huggingface', 'gradio'],
      }),
    ],
    body: {
      description: 'A picture, or JSON with one.',
      content: { ...json('LabelRequest'), 'application/octet-stream': pictureBytes },
    },
    answers: {
      200: {
        description: 'The labels, best first.',
        content: { 'application/json': { schema: { anyOf: [ref('Labels'), ref('GradioLabel')] } } },
      },
    },
    codes: [
      ...visitCodes,
      'image_missing',
      'image_url_redirects',
      'image_url_status',
      'image_url_too_large',
      'image_url_unreachable',
      'image_url_refused',
      'option_invalid',
      'option_unknown',
    ],
  },
  handler: (api) => async (request, response) => {
    const { maxUploadBytes } = api;
    const query = readQuery(queryOf(request));
    const { ref: model } = await findModel(api.models, request.params['model']);
    const isJson = mediaType(request) === 'application/json';
    const most = isJson ? Math.ceil(maxUploadBytes * 1.4) + mostOtherBytes : maxUploadBytes;
    const limits = { most, told: maxUploadBytes, compressed: false, isJson };
    await Visit.run(api, request, response, model.name, async (visit) => {
      const { score, format } = await api.readBytes(request, response, limits, async (body) => {
        const input = await readInput(body, isJson, query);
        if (Buffer.isBuffer(input.image) && input.image.length > maxUploadBytes) throw tooLarge(maxUploadBytes);
        const options = { ...input.options, model: model.name };
        // Only softmax is kept of an answer; any other function needs what the model said itself.
        await visit.submit({ images: [input.image], tensor: false, output: input.score !== 'softmax', options });
        return input;
      });
      const [job] = await visit.answers();
      const values = score === 'softmax' || job === undefined ? undefined : await visit.output(job);
      const list = scored(job?.predictions ?? [], score, values);
      response.json(format === 'gradio' ? gradio(list) : list);
    });
  },
};

/** What the query says, checked before the body is read. Throws `option_unknown` or `option_invalid`. */
function readQuery(query: URLSearchParams): Omit<HuggingFaceInput, 'image'> {
  const { top_k, ...rest } = known(Object.fromEntries(query), ['top_k', 'function_to_apply', 'format'], '#');
  const options = parseTextOptions(typeof top_k === 'string' ? [['top_k', top_k]] : []);
  return { options, score: oneOf('function_to_apply', rest, functions), format: oneOf('format', rest, formats) };
}

/** The body, over what the query said. Throws as a submission does. */
async function readInput(
  body: Buffer,
  isJson: boolean,
  query: Omit<HuggingFaceInput, 'image'>,
): Promise<HuggingFaceInput> {
  if (!isJson) return { ...query, image: body };
  const { inputs, parameters, options: _hints, ...others } = parseDocument(body);
  known(others, [], '#');
  if (inputs === undefined) throw new ProblemError('image_missing', 'The document has no inputs.');
  const given = parameters ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw invalid('parameters must be an object', '#/parameters');
  }
  const { top_k, ...rest } = known({ ...given }, ['top_k', 'function_to_apply'], '#/parameters');
  // Python's None.
  const options = top_k === undefined || top_k === null ? query.options : parseOptions({ top_k });
  const score =
    rest.function_to_apply === undefined || rest.function_to_apply === null
      ? query.score
      : oneOf('function_to_apply', rest, functions);
  const isAddress = typeof inputs === 'string' && /^https?:\/\//i.test(inputs);
  return { ...query, options, score, image: isAddress ? parseUrl(inputs) : await decodeImage(body, inputs, 'inputs') };
}

function known(given: Readonly<Record<string, unknown>>, names: readonly string[], where: string): Parameters {
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (unknown.length === 0) return given;
  const listed = unknown.slice(0, 8).map((name) => JSON.stringify(name.slice(0, 64)));
  const place = where === '#' ? '' : ' in parameters';
  const allowed = names.length === 0 ? 'inputs, parameters and options' : names.join(', ');
  throw new ProblemError('option_unknown', `Unknown${place}: ${listed.join(', ')}. There are ${allowed}.`);
}

/** The first of `allowed` where nothing is said. */
function oneOf<T extends string>(name: keyof Parameters, given: Parameters, allowed: readonly [T, ...T[]]): T {
  const value = given[name];
  if (value === undefined) return allowed[0];
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  throw invalid(`${name} must be one of ${allowed.join(', ')}`, `#/${name}`);
}

function invalid(detail: string, pointer: string): ProblemError {
  const errors: FieldError[] = [{ detail, pointer }];
  return new ProblemError('option_invalid', `${detail}.`, { errors });
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
