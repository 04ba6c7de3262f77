/** An example of each schema of the document, as the service answers or takes it; a test checks them by the schemas. */

const model = {
  name: 'mobilenetv2',
  version: 'sha256:83530ad811bc31d2b60a5599a21265a5057608c9b044b4ee758cc22f2309f54f',
  weights: 'pretrained',
};
const prediction = { label: 'monarch', wnid: 'n02279972', index: 323, score: 0.9985632792062912 };

const job = {
  id: '11a58c8b-a5f5-4b8e-81e8-7d7d1b792965',
  status: 'succeeded',
  model,
  created_at: '2026-11-24T03:41:31.145Z',
  started_at: '2026-11-24T03:41:31.153Z',
  finished_at: '2026-11-24T03:41:31.169Z',
  predictions: [prediction, { label: 'ringlet', wnid: 'n02277742', index: 322, score: 0.0008693188093523636 }],
  timing_ms: { queue: 8, fetch: 1.071, preprocess: 6.993, batch_wait: 0.087, inference: 6.959, total: 24.449 },
  batch_size: 1,
  worker: 'vm-1b8beb',
  device: 'cpu',
  metadata: { order: '4711' },
  links: {
    self: '/v1/jobs/11a58c8b-a5f5-4b8e-81e8-7d7d1b792965',
    events: '/v1/jobs/11a58c8b-a5f5-4b8e-81e8-7d7d1b792965/events',
  },
};

const problem = {
  type: 'urn:quintet:error:option_invalid',
  title: 'An option has an invalid value',
  status: 400,
  detail: 'top_k must be a whole number from 1 to 20, not "many".',
  code: 'option_invalid',
  retryable: false,
  errors: [{ detail: 'top_k must be a whole number from 1 to 20, not "many"', pointer: '#/top_k' }],
  instance: '/v1/jobs',
  request_id: '0c0f7d54-6a1c-4a8e-9d4e-3d1f0e0a7a55',
};

const batch = {
  id: '5f2c4a0e-3c0f-4a53-9a52-7f6f4d0a9b1e',
  status: 'processing',
  model,
  created_at: '2026-11-24T03:42:00.100Z',
  started_at: '2026-11-24T03:42:00.112Z',
  total: 3,
  counts: { queued: 0, processing: 1, succeeded: 1, failed: 1, canceled: 0, expired: 0 },
  progress: 0.667,
  eta_seconds: 0.1,
  errors: [
    {
      index: 1,
      name: 'broken.jpg',
      job_id: 'a2f9c7b0-5f55-4f6e-8f0e-0d1f3a6f9c11',
      error: {
        type: 'urn:quintet:error:image_truncated',
        title: 'The image is incomplete',
        status: 422,
        code: 'image_truncated',
        retryable: false,
      },
    },
  ],
  metadata: { shelf: 'B' },
  links: {
    self: '/v1/batches/5f2c4a0e-3c0f-4a53-9a52-7f6f4d0a9b1e',
    results: '/v1/batches/5f2c4a0e-3c0f-4a53-9a52-7f6f4d0a9b1e/results',
  },
};

const delivery = {
  id: 'msg_11a58c8ba5f54b8e81e87d7d1b792965',
  job_id: job.id,
  event: 'job.succeeded',
  url: 'https://example.com/hooks',
  state: 'pending',
  created_at: '2026-11-24T03:41:31.169Z',
  updated_at: '2026-11-24T03:41:31.310Z',
  next_attempt_at: '2026-11-24T03:41:36.310Z',
  attempts: [
    {
      at: '2026-11-24T03:41:31.190Z',
      outcome: 'http_error',
      status: 503,
      duration_ms: 120,
      reason: 'answered 503',
    },
  ],
  links: { self: '/v1/deliveries/msg_11a58c8ba5f54b8e81e87d7d1b792965' },
};

export const examples: Readonly<Record<string, unknown>> = {
  Batch: batch,
  BatchRequest: {
    items: [{ id: '17', image_url: 'https://example.com/photo.jpg' }],
    top_k: 3,
    webhook_url: 'https://example.com/hooks',
    webhook_events: ['batch.completed'],
  },
  BatchItem: { id: '17', image_url: 'https://example.com/photo.jpg', metadata: { shelf: 'B' } },
  BatchResult: { index: 0, name: 'photo.jpg', job_id: job.id, job },
  BatchWebhookBody: { type: 'batch.completed', timestamp: '2026-11-24T03:42:00.300Z', data: batch },
  Delivery: delivery,
  DeliveryList: { deliveries: [delivery] },
  DeliveryPage: { deliveries: [delivery], next_cursor: 'MTc2Mzk1NTY5MTE2OSBtc2dfMTFhNThj' },
  GradioLabel: { label: 'monarch', confidences: [{ label: 'monarch', confidence: 0.9985632792062912 }] },
  Health: { status: 'ready', reasons: [] },
  Index: {
    service: 'quintet',
    version: '0.1.0',
    links: { jobs: '/v1/jobs', models: '/v1/models', openapi: '/openapi.json' },
  },
  InferModel: {
    name: 'mobilenetv2',
    versions: [model.version],
    platform: 'onnx_onnxv1',
    inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 3, 224, 224] }],
    outputs: [{ name: 'output', datatype: 'FP32', shape: [-1, 1000] }],
  },
  InferModelConfig: {
    name: 'mobilenetv2',
    platform: 'onnxruntime_onnx',
    max_batch_size: 34,
    input: [{ name: 'input', data_type: 'TYPE_FP32', dims: [3, 224, 224], format: 'FORMAT_NCHW' }],
    output: [{ name: 'output', data_type: 'TYPE_FP32', dims: [1000] }],
  },
  InferModelReady: { name: 'mobilenetv2', ready: true },
  InferRequest: {
    inputs: [{ name: 'image', shape: [1], datatype: 'BYTES', data: ['/9j/4AAQSkZJRg…'] }],
    outputs: [{ name: 'output', parameters: { classification: 2 } }],
  },
  InferResponse: {
    model_name: 'mobilenetv2',
    model_version: model.version,
    outputs: [{ name: 'output', datatype: 'BYTES', shape: [1, 2], data: ['14.56:323:monarch', '7.52:322:ringlet'] }],
  },
  InferServer: { name: 'quintet', version: '0.1.0', extensions: ['classification', 'binary_tensor_data'] },
  Job: job,
  JobPage: { jobs: [job], next_cursor: 'MTAyNA' },
  JobRequest: { image_url: 'https://example.com/photo.jpg', top_k: 3, min_score: 0.01, metadata: { order: '4711' } },
  LabelRequest: { inputs: 'https://example.com/photo.jpg', parameters: { top_k: 3 } },
  Labels: [{ label: 'monarch', score: 0.9985632792062912 }],
  LabelList: {
    model: model.name,
    version: model.version,
    labels: [
      { label: 'tench', wnid: 'n01440764', index: 0 },
      { label: 'goldfish', wnid: 'n01443537', index: 1 },
    ],
  },
  ModelList: {
    default: 'mobilenetv2',
    models: [
      {
        ...model,
        explainable: true,
        preprocess: { resize: 256, crop: 224 },
        workers: [
          {
            id: 'vm-1b8beb',
            device: 'cpu',
            since: '2026-11-24T03:40:02.010Z',
            streams: 2,
            max_batch_size: 1,
            intra_op_threads: 1,
          },
        ],
      },
    ],
  },
  ModelRef: model,
  Operations: {
    at: '2026-11-24T03:45:00.000Z',
    window_seconds: 60,
    throughput: {
      per_second: 21.7,
      succeeded: 1300,
      failed: 2,
      canceled: 0,
      expired: 0,
      history: [{ at: '2026-11-24T03:44:55.000Z', succeeded: 108, failed: 0 }],
    },
    queue: {
      depth: 12,
      max_depth: 10000,
      eta_seconds: 0.6,
      by_model: [{ model: 'mobilenetv2', waiting: 12, active: 6 }],
    },
    latency_ms: { total: { p50: 186, p90: 209, p99: 233 }, inference: { p50: 81, p90: 88, p99: 97 } },
    workers: [
      {
        id: 'vm-1b8beb',
        model,
        device: 'cpu',
        since: '2026-11-24T03:40:02.010Z',
        streams: 2,
        rate: 22,
        load: 0.98,
        active: 6,
        memory_bytes: 301989888,
      },
    ],
    webhooks: { pending: 1, failed: 0 },
    redis: { used_bytes: 26738688, limit_bytes: 2147483648 },
  },
  PlainError: {
    error: 'The file is not a supported image; it looks like text.',
    code: 'image_format_unsupported',
    request_id: problem.request_id,
  },
  Prediction: prediction,
  Problem: problem,
  TestWebhookBody: {
    type: 'webhook.test',
    timestamp: '2026-11-24T03:43:00.000Z',
    data: { delivery: 'msg_6f0c2f5a', detail: 'This is a test: no job has ended.' },
  },
  WebhookBody: { type: 'job.succeeded', timestamp: '2026-11-24T03:41:31.169Z', data: job },
  CorrectionRequest: { label: 'tabby' },
  WebhookTest: { webhook_url: 'https://example.com/hooks' },
};
