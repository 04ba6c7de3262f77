/** What tells of the service and its models in the Open Inference Protocol. */
import type { Request } from 'express';
import { json, pathParameter, type Content, type Parameter } from '../../openapi/operation.js';
import type { Endpoint } from '../route-table.js';
import { findModel, tensorsOf, type Models, type ServedModel, type Tensors } from './served-model.js';

/** What there is beyond the protocol, by Triton's names where it has one; the last is this service's own. */
const protocolExtensions = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'quintet_image_input',
] as const;

const platform = 'onnx_onnxv1';

/** Rows of a request, where an upload may be so large. */
const mostRows = 64;

/** How many rows one request may have. */
export function maxRowsOf({ input }: Tensors, maxUploadBytes: number): number {
  const [, ...row] = input.shape;
  const bytes = row.reduce((product, length) => product * length, Float32Array.BYTES_PER_ELEMENT);
  return Math.min(mostRows, Math.max(1, Math.floor(maxUploadBytes / bytes)));
}

/** The operations on a model are there for each of its versions, too. */
export const modelAddresses = ['/v2/models/{model}', '/v2/models/{model}/versions/{version}'] as const;

export function modelSuffix(address: string): string {
  return address.includes('{version}') ? 'Version' : '';
}

export function modelParameters(address: string): readonly Parameter[] {
  const model = pathParameter('model', "The model's name.");
  const version = pathParameter('version', 'The version that it has; `1` stands for whichever that is.');
  return address.includes('{version}') ? [model, version] : [model];
}

function modelOf(models: Models, request: Request): Promise<ServedModel> {
  return findModel(models, request.params['model'], request.params['version']);
}

const flag = (name: string): Content => ({
  'application/json': { schema: { type: 'object', properties: { [name]: { type: 'boolean' } } } },
});

export const server: Endpoint = {
  operation: {
    id: 'readInferServer',
    tag: 'clients',
    summary: 'What this is, and which extensions of the protocol it has.',
    answers: { 200: { description: 'The metadata.', content: json('InferServer') } },
  },
  handler: (api) => (_request, response) => {
    response.json({ name: 'quintet', version: api.version, extensions: protocolExtensions });
  },
};

export const live: Endpoint = {
  operation: {
    id: 'checkInferLive',
    tag: 'clients',
    summary: 'Whether the process answers.',
    answers: { 200: { description: 'It does.', content: flag('live') } },
  },
  handler: () => (_request, response) => {
    response.json({ live: true });
  },
};

export const ready: Endpoint = {
  operation: {
    id: 'checkInferReady',
    tag: 'clients',
    summary: 'Whether it may be sent work.',
    answers: {
      200: { description: 'It does.', content: flag('ready') },
      503: { description: 'It may not.', content: flag('ready') },
    },
  },
  handler: (api) => async (_request, response) => {
    const { ready } = await api.readiness();
    response.status(ready ? 200 : 503).json({ ready });
  },
};

export const model = (address: string): Endpoint => ({
  operation: {
    id: `readInferModel${modelSuffix(address)}`,
    tag: 'clients',
    parameters: modelParameters(address),
    summary: "The model's input and output.",
    answers: { 200: { description: 'The metadata.', content: json('InferModel') } },
    codes: ['model_not_found', 'model_unavailable'],
  },
  handler: (api) => async (request, response) => {
    const served = await modelOf(api.models, request);
    const { input, output } = tensorsOf(served);
    const { name, version } = served.ref;
    response.json({
      name,
      versions: version === undefined ? [] : [version],
      platform,
      inputs: [{ name: input.name, datatype: 'FP32', shape: input.shape }],
      outputs: [{ name: output.name, datatype: 'FP32', shape: output.shape }],
    });
  },
});

/** Ready is a model that a live worker serves: any other's jobs wait. */
export const modelReady = (address: string): Endpoint => ({
  operation: {
    id: `checkInferModelReady${modelSuffix(address)}`,
    tag: 'clients',
    parameters: modelParameters(address),
    summary: 'Whether a live worker serves the model.',
    answers: {
      200: { description: 'One does.', content: json('InferModelReady') },
      503: { description: 'None does.', content: json('InferModelReady') },
    },
    codes: ['model_not_found'],
  },
  handler: (api) => async (request, response) => {
    const { ref, workers } = await modelOf(api.models, request);
    const ready = workers.length > 0;
    response.status(ready ? 200 : 503).json({ name: ref.name, ready });
  },
});

export const modelConfig = (address: string): Endpoint => ({
  operation: {
    id: `readInferModelConfig${modelSuffix(address)}`,
    tag: 'clients',
    parameters: modelParameters(address),
    summary: "As much of Triton's model configuration as its clients read.",
    answers: { 200: { description: 'The configuration.', content: json('InferModelConfig') } },
    codes: ['model_not_found', 'model_unavailable'],
  },
  handler: (api) => async (request, response) => {
    const served = await modelOf(api.models, request);
    const tensors = tensorsOf(served);
    const [, ...row] = tensors.input.shape;
    const [, ...classes] = tensors.output.shape;
    const format = row[0] === 3 ? 'FORMAT_NCHW' : 'FORMAT_NHWC';
    response.json({
      name: served.ref.name,
      platform,
      max_batch_size: maxRowsOf(tensors, api.maxUploadBytes),
      input: [{ name: tensors.input.name, data_type: 'TYPE_FP32', format, dims: row }],
      output: [{ name: tensors.output.name, data_type: 'TYPE_FP32', dims: classes }],
    });
  },
});
