/** Operations that clients of other protocols know by themselves. */
import type { ErrorCode } from '@quintet/shared';
import { addressOf } from './curl.js';
import { json, preferParameter, type Operation, type Parameter } from './operation.js';
import { cacheParameter, imageCodes } from './operations-jobs.js';
import { ref } from './schemas.js';

const binary = { schema: { type: 'string', format: 'binary' } };

const pathParameter = (name: string, description: string): Parameter => ({
  in: 'path',
  name,
  description,
  required: true,
  schema: { type: 'string' },
});
const model = pathParameter('model', "The model's name.");
const version = pathParameter('version', 'The version that it has; `1` stands for whichever that is.');

/** What a request that waits for its answer may be told, beside what is wrong with it. */
const visitCodes: readonly ErrorCode[] = [
  'answer_timeout',
  'body_empty',
  'body_too_large',
  'concurrency_limited',
  'content_encoding_unsupported',
  'image_lost',
  'image_decode_timeout',
  'inference_failed',
  'job_canceled',
  'json_malformed',
  'model_not_found',
  'queue_full',
  'shutting_down',
  'storage_full',
  'upload_incomplete',
  'uploads_busy',
  'worker_lost',
];

const fetchCodes: readonly ErrorCode[] = [
  'image_url_redirects',
  'image_url_status',
  'image_url_too_large',
  'image_url_unreachable',
];

const ofOneImage = (code: ErrorCode): boolean =>
  code !== 'file_field_unexpected' && code !== 'one_image_per_job' && !code.startsWith('image_url');

const huggingFace: Operation = {
  method: 'post',
  path: '/models/{model}',
  id: 'classifyAsHuggingFace',
  tag: 'clients',
  scope: 'submit',
  plainErrors: true,
  summary: "Classifies a picture, as Hugging Face's inference API does.",
  description:
    'Waits for the answer, MAX_WAIT_SECONDS at most. A body that is not JSON is a picture, whatever its type is said to be. What is ' +
    'full is 429, and what is away 502: clients repeat 503 at once.',
  parameters: [
    model,
    preferParameter,
    cacheParameter,
    {
      in: 'query',
      name: 'top_k',
      description: 'How many labels; 5 unless set.',
      schema: { type: 'integer', minimum: 1, maximum: 20 },
    },
    {
      in: 'query',
      name: 'function_to_apply',
      description: "What makes scores of the model's values; `softmax` unless set.",
      schema: { type: 'string', enum: ['softmax', 'sigmoid', 'none'] },
    },
    {
      in: 'query',
      name: 'format',
      description: '`gradio`: as its Label shows it; `huggingface` unless set.',
      schema: { type: 'string', enum: ['huggingface', 'gradio'] },
    },
  ],
  body: {
    description: 'A picture, or JSON with one.',
    content: { 'application/json': { schema: ref('LabelRequest') }, 'application/octet-stream': binary },
  },
  answers: {
    200: {
      description: 'The labels, best first.',
      content: { 'application/json': { schema: { anyOf: [ref('Labels'), ref('GradioLabel')] } } },
    },
  },
  codes: [
    ...visitCodes,
    ...imageCodes.filter((code) => ofOneImage(code)),
    ...fetchCodes,
    'image_url_refused',
    'option_invalid',
    'option_unknown',
  ],
};

const server: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2',
    id: 'readInferServer',
    tag: 'clients',
    plainErrors: true,
    summary: 'What this is, and which extensions of the protocol it has.',
    answers: { 200: { description: 'The metadata.', content: json('InferServer') } },
  },
  ...(['live', 'ready'] as const).map((state): Operation => {
    const content = {
      'application/json': { schema: { type: 'object', properties: { [state]: { type: 'boolean' } } } },
    };
    return {
      method: 'get',
      path: `/v2/health/${state}`,
      id: state === 'live' ? 'checkInferLive' : 'checkInferReady',
      tag: 'clients',
      plainErrors: true,
      summary: state === 'live' ? 'Whether the process answers.' : 'Whether it may be sent work.',
      answers: {
        200: { description: 'It does.', content },
        ...(state === 'ready' ? { 503: { description: 'It may not.', content } } : {}),
      },
    };
  }),
];

/** Of a model, or of a version of it. */
function modelOperations(path: string, suffix: string, parameters: readonly Parameter[]): Operation[] {
  const common = { tag: 'clients', plainErrors: true, parameters } as const;
  const codes: readonly ErrorCode[] = ['model_not_found'];
  return [
    {
      ...{
        ...common,
        method: 'get',
        path,
        id: `readInferModel${suffix}`,
        scope: 'read',
        codes: [...codes, 'model_unavailable'],
      },
      summary: "The model's input and output.",
      answers: { 200: { description: 'The metadata.', content: json('InferModel') } },
    },
    {
      ...{ ...common, method: 'get', path: `${path}/ready`, id: `checkInferModelReady${suffix}`, scope: 'read', codes },
      summary: 'Whether a live worker serves the model.',
      answers: {
        200: { description: 'One does.', content: json('InferModelReady') },
        503: { description: 'None does.', content: json('InferModelReady') },
      },
    },
    {
      ...{ ...common, method: 'get', path: `${path}/config`, id: `readInferModelConfig${suffix}`, scope: 'read' },
      codes: [...codes, 'model_unavailable'],
      summary: "As much of Triton's model configuration as its clients read.",
      answers: { 200: { description: 'The configuration.', content: json('InferModelConfig') } },
    },
    {
      ...{ ...common, method: 'post', path: `${path}/infer`, id: `infer${suffix}`, scope: 'submit' },
      parameters: [
        ...parameters,
        preferParameter,
        {
          in: 'header',
          name: 'Inference-Header-Content-Length',
          description: 'Bytes of the JSON part, where the values of an input come behind it.',
          schema: { type: 'integer' },
        },
      ],
      curl: inferenceOf(`${path}/infer`),
      summary: "Runs the model on rows of its input, or on pictures; with Triton's binary tensors and classification.",
      description:
        'One input: the one of the metadata (FP32), or `image` (BYTES [N]), pictures as files, in JSON as base64. Each row is a ' +
        'job. Waits for the answer, MAX_WAIT_SECONDS at most. The body may be compressed with gzip or deflate.',
      body: {
        description: 'The request, alone or with binary tensors behind it.',
        content: { 'application/json': { schema: ref('InferRequest') }, 'application/octet-stream': binary },
      },
      answers: {
        200: {
          description: 'The outputs; in binary where that was asked for.',
          content: { ...json('InferResponse'), 'application/octet-stream': binary },
        },
      },
      codes: [
        ...[...visitCodes, ...imageCodes.filter((code) => ofOneImage(code) && code !== 'image_missing')],
        ...(['infer_request_invalid', 'model_unavailable'] as const),
      ],
    },
  ];
}

/** A picture, as a shell sends it. */
function inferenceOf(path: string): string {
  const { address, assignments } = addressOf(path);
  const request = '{"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ["%s"]}]}';
  const written = `printf '${request}' "$(base64 < photo.jpg | tr -d '\\n')" > infer.json`;
  return [...assignments, written, `curl --data-binary @infer.json ${address}`].join('\n');
}

export const clientOperations: readonly Operation[] = [
  huggingFace,
  ...server,
  ...modelOperations('/v2/models/{model}', '', [model]),
  ...modelOperations('/v2/models/{model}/versions/{version}', 'Version', [model, version]),
];
