/**
 * Shapes that only the API takes and answers, and what their members mean. Those that services share are in
 * packages/shared.
 */
import {
  croppingSchema,
  errorCodes,
  jobOptionsSchema,
  modelLabelsSchema,
  modelRefSchema,
  workerPresenceSchema,
} from '@quintet/shared';
import { z } from 'zod';

export const healthSchema = z.object({
  status: z.enum(['live', 'ready', 'not_ready']),
  reasons: z.array(z.string()).optional(),
});

export const indexSchema = z.object({
  service: z.literal('quintet'),
  version: z.string(),
  links: z.record(z.string(), z.string()),
  /** Why there is no page here. */
  hint: z.string().optional(),
});

export const modelListSchema = z.object({
  /** Absent before the first worker is ready, where DEFAULT_MODEL names none. */
  default: z.string().optional(),
  models: z.array(
    modelRefSchema.extend({
      /** Whether jobs may ask it to explain its answers. */
      explainable: z.boolean(),
      /** What it sees of a picture; absent where no worker has said so. */
      preprocess: croppingSchema.optional(),
      // Not `model`, which stands above, nor what changes with every heartbeat: /v1/operations tells that; for `tensors` see /v2.
      workers: z.array(workerPresenceSchema.omit({ model: true, rate: true, usage: true, tensors: true })),
    }),
  ),
});

export const labelListSchema = z.object({ model: z.string(), ...modelLabelsSchema.shape });

/** One picture of a batch that comes as a document. */
export const batchItemSchema = z.strictObject({
  image_base64: z.string().optional(),
  image_url: z.string().max(2048).optional(),
  id: z.string().min(1).max(255).optional(),
  metadata: jobOptionsSchema.shape.metadata,
});

export const plainErrorSchema = z.object({ error: z.string(), code: z.enum(errorCodes), request_id: z.string() });

export const labelRequestSchema = z.strictObject({
  /** Base64, or an address. */
  inputs: z.string(),
  parameters: z
    .strictObject({
      top_k: z.int().min(1).max(20).optional(),
      function_to_apply: z.enum(['softmax', 'sigmoid', 'none']).optional(),
    })
    .optional(),
  /** Hints of older clients, which are ignored. */
  options: z.record(z.string(), z.unknown()).optional(),
});

export const labelsSchema = z.array(z.object({ label: z.string(), score: z.number() }));

export const gradioLabelSchema = z.object({
  label: z.string().nullable(),
  confidences: z.array(z.object({ label: z.string(), confidence: z.number() })),
});

const described = z.object({ name: z.string(), datatype: z.literal('FP32'), shape: z.array(z.int()) });

export const inferServerSchema = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });

export const inferModelSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(described),
  outputs: z.array(described),
});

export const inferModelReadySchema = z.object({ name: z.string(), ready: z.boolean() });

const configured = z.object({ name: z.string(), data_type: z.literal('TYPE_FP32'), dims: z.array(z.int()) });

export const inferModelConfigSchema = z.object({
  name: z.string(),
  platform: z.string(),
  max_batch_size: z.int(),
  input: z.array(configured.extend({ format: z.enum(['FORMAT_NCHW', 'FORMAT_NHWC']) })),
  output: z.array(configured),
});

export const inferResponseSchema = z.object({
  id: z.string().optional(),
  model_name: z.string(),
  model_version: z.string().optional(),
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.enum(['FP32', 'BYTES']),
      shape: z.array(z.int()),
      parameters: z.object({ binary_data_size: z.int() }).optional(),
      data: z.array(z.union([z.number(), z.string()])).optional(),
    }),
  ),
});

const parameters = z.record(z.string(), z.unknown()).optional();

const tensor = z.object({
  name: z.string(),
  shape: z.array(z.int().min(0)).min(1).max(8),
  datatype: z.string(),
  parameters,
  data: z.unknown().optional(),
});

/**
 * Far more than are of use: a model here has one input and one output. Zod looks at no member of a list that is longer.
 */
const mostTensors = 8;

/** The JSON part of an inference request. */
export const inferRequestSchema = z.object({
  id: z.string().max(1024).optional(),
  parameters,
  inputs: z.array(tensor).min(1).max(mostTensors),
  outputs: z
    .array(z.object({ name: z.string(), parameters }))
    .max(mostTensors)
    .optional(),
});

/** As in descriptions.ts. */
export const shapeDescriptions = {
  'LabelList.model': 'The name of the model.',
  'LabelList.version': 'The hash of the file that has these classes.',
  'LabelList.labels': 'Its classes.',
  'LabelList.labels.label': 'What it is, in English.',
  'LabelList.labels.wnid': "Its WordNet id, ImageNet's name of the class.",
  'LabelList.labels.index': 'Its number, from 0.',
  'ModelList.default': 'The model of jobs that name none; absent before the first worker is ready.',
  'ModelList.models': 'Every model that is known.',
  'ModelList.models.name': 'Its name, as the option `model` takes it.',
  'ModelList.models.version': 'The hash of its file.',
  'ModelList.models.weights': '`demo`: random weights; its answers mean nothing.',
  'ModelList.models.explainable': 'Whether it can show where it looked (`explain`).',
  'ModelList.models.preprocess': 'What it sees of a picture.',
  'ModelList.models.preprocess.resize': 'The short side becomes so many pixels long.',
  'ModelList.models.preprocess.crop': 'The side of the square that is then cut out of the middle, in pixels.',
  'ModelList.models.workers': 'The live workers that serve it.',
  'ModelList.models.workers.id': 'The name of the worker, as jobs tell it.',
  'ModelList.models.workers.device': 'What it runs on.',
  'ModelList.models.workers.since': 'When it started.',
  'ModelList.models.workers.streams': 'Runs of the model at once.',
  'ModelList.models.workers.max_batch_size': 'Most pictures in one run.',
  'ModelList.models.workers.intra_op_threads': 'Threads of one run.',
  'ModelList.models.workers.solo_threads': 'Threads of the run of a picture that is alone.',
  'ModelList.models.workers.profile': 'What was measured when it started.',
  'ModelList.models.workers.profile.optimized_for': '`throughput` or `latency`.',
  'ModelList.models.workers.profile.images_per_second': 'Of all its streams together.',
  'ModelList.models.workers.profile.latency_ms': 'Milliseconds of a run, by number of pictures in it.',
  'Health.status': 'Whether it lives, or may be sent work.',
  'Health.reasons': 'Why it may not be sent work.',
  'Index.service': 'Always `quintet`.',
  'Index.version': 'The version of the service.',
  'Index.links': 'Where its resources are.',
  'Index.hint': 'What is missing, where something is.',
  'GradioLabel.label': 'The most likely one; null where there is none.',
  'GradioLabel.confidences': 'All of them, the best first.',
  'GradioLabel.confidences.label': 'What it is.',
  'GradioLabel.confidences.confidence': 'How likely, 0 to 1.',
  'InferModel.name': 'The name of the model.',
  'InferModel.versions': 'The hash of its file.',
  'InferModel.platform': 'What runs it.',
  'InferModel.inputs': 'What it takes.',
  'InferModel.inputs.name': 'The name of the input.',
  'InferModel.inputs.datatype': 'Its type.',
  'InferModel.inputs.shape': 'Its shape; -1 is any number of rows.',
  'InferModel.outputs': 'What it gives.',
  'InferModel.outputs.name': 'The name of the output.',
  'InferModel.outputs.datatype': 'Its type.',
  'InferModel.outputs.shape': 'Its shape; -1 is any number of rows.',
  'InferModelConfig.name': 'The name of the model.',
  'InferModelConfig.platform': 'What runs it.',
  'InferModelConfig.max_batch_size': 'Most rows of a request.',
  'InferModelConfig.input': 'What it takes.',
  'InferModelConfig.input.name': 'The name of the input.',
  'InferModelConfig.input.data_type': 'Its type.',
  'InferModelConfig.input.dims': 'The shape of a row.',
  'InferModelConfig.input.format': 'The order of its axes.',
  'InferModelConfig.output': 'What it gives.',
  'InferModelConfig.output.name': 'The name of the output.',
  'InferModelConfig.output.data_type': 'Its type.',
  'InferModelConfig.output.dims': 'The shape of a row.',
  'InferModelReady.name': 'The name of the model.',
  'InferModelReady.ready': 'Whether a live worker serves it.',
  'InferRequest.id': 'Any text, which the answer repeats.',
  'InferRequest.parameters': 'Of the request: `binary_data_output`, `timeout`, `priority`.',
  'InferRequest.inputs': 'One: `image` with pictures, or the input of the model.',
  'InferRequest.inputs.name': 'The name of the input.',
  'InferRequest.inputs.shape': 'Rows first.',
  'InferRequest.inputs.datatype': '`BYTES` for pictures, `FP32` for values.',
  'InferRequest.inputs.parameters': '`binary_data_size`, where the values come behind the JSON.',
  'InferRequest.inputs.data': 'Pictures in base64, or values.',
  'InferRequest.outputs': 'Which outputs, and how; all values of the one there is unless set.',
  'InferRequest.outputs.name': 'The name of the output.',
  'InferRequest.outputs.parameters': '`classification`: the best so many labels in place of values; `binary_data`.',
  'InferResponse.id': 'That of the request.',
  'InferResponse.model_name': 'The name of the model.',
  'InferResponse.model_version': 'The hash of its file.',
  'InferResponse.outputs': 'As asked for.',
  'InferResponse.outputs.name': 'The name of the output.',
  'InferResponse.outputs.datatype': '`FP32` for values, `BYTES` for labels.',
  'InferResponse.outputs.shape': 'Rows first.',
  'InferResponse.outputs.parameters': 'Of what comes behind the JSON.',
  'InferResponse.outputs.parameters.binary_data_size': 'Its bytes.',
  'InferResponse.outputs.data': 'Values; or labels as `score:index:label`.',
  'InferServer.name': 'Of the service.',
  'InferServer.version': 'Of the service.',
  'InferServer.extensions': 'Of the protocol, those that it has.',
  'LabelRequest.inputs': 'The picture in base64, or its address.',
  'LabelRequest.parameters': 'What is wanted.',
  'LabelRequest.parameters.top_k': 'How many labels.',
  'LabelRequest.parameters.function_to_apply': "What makes scores of the model's values.",
  'LabelRequest.options': 'Hints of older clients, which are ignored.',
  'Labels.label': 'What it is.',
  'Labels.score': 'How likely.',
  'PlainError.error': 'What is wrong, and what would be right.',
  'PlainError.code': 'The kind of failure, for programs; it never changes.',
  'PlainError.request_id': 'By which the log of the service can be searched.',
};
