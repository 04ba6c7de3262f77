/** What tells of the service and its models in the Open Inference Protocol. */
import type { Request, RequestHandler } from 'express';
import type { ReadinessCheck } from '@quintet/shared';
import { findModel, tensorsOf, type Models, type ServedModel } from '../served-model.js';
import { maxRowsOf } from './infer-route.js';

/** What there is beyond the protocol, by Triton's names where it has one; the last is this service's own. */
export const protocolExtensions = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'quintet_image_input',
] as const;

const platform = 'onnx_onnxv1';

export function serverMetadataRoute(version: string): RequestHandler {
  return (_request, response) => {
    response.json({ name: 'quintet', version, extensions: protocolExtensions });
  };
}

export const serverLiveRoute: RequestHandler = (_request, response) => {
  response.json({ live: true });
};

export function serverReadyRoute(readiness: ReadinessCheck): RequestHandler {
  return async (_request, response) => {
    const { ready } = await readiness();
    response.status(ready ? 200 : 503).json({ ready });
  };
}

/** Ready is a model that a live worker serves: any other's jobs wait. */
export function modelReadyRoute(models: Models): RequestHandler {
  return async (request, response) => {
    const { ref, workers } = await modelOf(models, request);
    const ready = workers.length > 0;
    response.status(ready ? 200 : 503).json({ name: ref.name, ready });
  };
}

export function modelMetadataRoute(models: Models): RequestHandler {
  return async (request, response) => {
    const served = await modelOf(models, request);
    const { input, output } = tensorsOf(served);
    const { name, version } = served.ref;
    response.json({
      name,
      versions: version === undefined ? [] : [version],
      platform,
      inputs: [{ name: input.name, datatype: 'FP32', shape: input.shape }],
      outputs: [{ name: output.name, datatype: 'FP32', shape: output.shape }],
    });
  };
}

/** As much of Triton's model configuration as its clients read. */
export function modelConfigRoute(models: Models, maxUploadBytes: number): RequestHandler {
  return async (request, response) => {
    const served = await modelOf(models, request);
    const tensors = tensorsOf(served);
    const [, ...row] = tensors.input.shape;
    const [, ...classes] = tensors.output.shape;
    const format = row[0] === 3 ? 'FORMAT_NCHW' : 'FORMAT_NHWC';
    response.json({
      name: served.ref.name,
      platform,
      max_batch_size: maxRowsOf(tensors, maxUploadBytes),
      input: [{ name: tensors.input.name, data_type: 'TYPE_FP32', format, dims: row }],
      output: [{ name: tensors.output.name, data_type: 'TYPE_FP32', dims: classes }],
    });
  };
}

function modelOf(models: Models, request: Request): Promise<ServedModel> {
  return findModel(models, request.params['model'], request.params['version']);
}
