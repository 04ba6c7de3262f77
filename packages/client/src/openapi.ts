/** Written by `npm run docs` from docs/openapi.json. */
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export type components = {
  schemas: {
    Batch: {
      id: string;
      /** @enum {string} */
      status: 'queued' | 'processing' | 'completed' | 'canceled';
      model: components['schemas']['ModelRef'];
      /** Format: date-time */
      created_at: string;
      /** Format: date-time */
      started_at?: string;
      /** Format: date-time */
      finished_at?: string;
      total: number;
      counts: {
        queued: number;
        processing: number;
        succeeded: number;
        failed: number;
        canceled: number;
        expired: number;
      };
      progress: number;
      eta_seconds?: number;
      errors: {
        index: number;
        name: string;
        job_id: string;
        error: components['schemas']['Problem'];
      }[];
      metadata: {
        [key: string]: string;
      };
      links: {
        self: string;
        results: string;
      };
    };
    BatchItem: {
      image_base64?: string;
      image_url?: string;
      id?: string;
      metadata?: {
        [key: string]: string;
      };
    };
    BatchResult: {
      index: number;
      name: string;
      job_id: string;
      job?: components['schemas']['Job'];
    };
    BatchWebhookBody: {
      /** @constant */
      type: 'batch.completed';
      /** Format: date-time */
      timestamp: string;
      data: components['schemas']['Batch'];
    };
    Delivery: {
      id: string;
      job_id?: string;
      batch_id?: string;
      /** @enum {string} */
      event: 'job.succeeded' | 'job.failed' | 'job.canceled' | 'job.expired' | 'batch.completed' | 'webhook.test';
      url: string;
      /** @enum {string} */
      state: 'pending' | 'delivered' | 'failed';
      /** Format: date-time */
      created_at: string;
      /** Format: date-time */
      updated_at: string;
      /** Format: date-time */
      next_attempt_at?: string;
      attempts: {
        /** Format: date-time */
        at: string;
        outcome: string;
        status?: number;
        duration_ms: number;
        reason?: string;
      }[];
      links: {
        self: string;
      };
    };
    DeliveryList: {
      deliveries: components['schemas']['Delivery'][];
    };
    DeliveryPage: {
      deliveries: components['schemas']['Delivery'][];
      next_cursor?: string;
    };
    Health: {
      /** @enum {string} */
      status: 'live' | 'ready' | 'not_ready';
      reasons?: string[];
    };
    Index: {
      /** @constant */
      service: 'quintet';
      version: string;
      links: {
        [key: string]: string;
      };
    };
    Job: {
      id: string;
      /** @enum {string} */
      status: 'queued' | 'processing' | 'succeeded' | 'failed' | 'canceled' | 'expired';
      model: components['schemas']['ModelRef'];
      /** Format: date-time */
      created_at: string;
      /** Format: date-time */
      started_at?: string;
      /** Format: date-time */
      finished_at?: string;
      queue?: {
        position: number;
        eta_seconds?: number;
      };
      metadata: {
        [key: string]: string;
      };
      batch?: string;
      links: {
        self: string;
        events?: string;
      };
      predictions?: components['schemas']['Prediction'][];
      timing_ms?: {
        queue: number;
        fetch: number;
        preprocess: number;
        batch_wait: number;
        inference: number;
        total: number;
      };
      batch_size?: number;
      worker?: string;
      device?: string;
      /** @enum {string} */
      cache?: 'hit' | 'coalesced';
      error?: components['schemas']['Problem'];
    };
    JobOptions: {
      model?: string;
      /** @default 5 */
      top_k: number;
      min_score?: number;
      /** Format: uri */
      webhook_url?: string;
      webhook_events?: ('job.succeeded' | 'job.failed' | 'job.canceled' | 'job.expired')[];
      ttl_seconds?: number;
      /** @default 0 */
      priority: number;
      metadata?: {
        [key: string]: string;
      };
    };
    ModelList: {
      default: string;
      models: {
        name: string;
        version?: string;
        /** @enum {string} */
        weights?: 'pretrained' | 'demo';
        workers: {
          id: string;
          device: string;
          /** Format: date-time */
          since: string;
          streams: number;
          max_batch_size: number;
          intra_op_threads?: number;
          solo_threads?: number;
          profile?: {
            optimized_for: string;
            images_per_second: number;
            latency_ms: {
              [key: string]: number;
            };
          };
        }[];
      }[];
    };
    ModelRef: {
      name: string;
      version?: string;
      /** @enum {string} */
      weights?: 'pretrained' | 'demo';
    };
    Operations: {
      /** Format: date-time */
      at: string;
      /** @constant */
      window_seconds: 60;
      throughput: {
        per_second: number;
        succeeded: number;
        failed: number;
        canceled: number;
        expired: number;
        history: {
          /** Format: date-time */
          at: string;
          succeeded: number;
          failed: number;
        }[];
      };
      queue: {
        depth: number;
        max_depth: number;
        eta_seconds?: number;
        by_model: {
          model: string;
          waiting: number;
          active: number;
        }[];
      };
      latency_ms: {
        total?: {
          p50: number;
          p90: number;
          p99: number;
        };
        queue?: {
          p50: number;
          p90: number;
          p99: number;
        };
        preprocess?: {
          p50: number;
          p90: number;
          p99: number;
        };
        inference?: {
          p50: number;
          p90: number;
          p99: number;
        };
      };
      workers: {
        id: string;
        model: components['schemas']['ModelRef'];
        device: string;
        /** Format: date-time */
        since: string;
        streams: number;
        rate: number;
        load?: number;
        active?: number;
        memory_bytes?: number;
      }[];
      webhooks: {
        pending: number;
        failed: number;
      };
      redis: {
        used_bytes: number;
        limit_bytes?: number;
      };
    };
    Prediction: {
      label: string;
      wnid: string;
      index: number;
      score: number;
    };
    Problem: {
      type: string;
      title: string;
      status: number;
      detail?: string;
      instance?: string;
      /** @enum {string} */
      code:
        | 'body_empty'
        | 'image_missing'
        | 'image_empty'
        | 'one_image_per_job'
        | 'file_field_unexpected'
        | 'multipart_malformed'
        | 'json_malformed'
        | 'base64_invalid'
        | 'upload_incomplete'
        | 'option_unknown'
        | 'option_invalid'
        | 'job_id_invalid'
        | 'request_malformed'
        | 'job_not_found'
        | 'model_not_found'
        | 'route_not_found'
        | 'method_not_allowed'
        | 'not_acceptable'
        | 'request_timeout'
        | 'job_finished'
        | 'body_too_large'
        | 'content_type_unsupported'
        | 'content_encoding_unsupported'
        | 'webhook_url_refused'
        | 'webhooks_disabled'
        | 'image_format_unsupported'
        | 'image_truncated'
        | 'image_undecodable'
        | 'image_dimensions_invalid'
        | 'image_too_many_pixels'
        | 'image_polyglot'
        | 'image_decode_timeout'
        | 'queue_full'
        | 'uploads_busy'
        | 'redis_unavailable'
        | 'shutting_down'
        | 'internal_error'
        | 'image_lost'
        | 'inference_failed'
        | 'worker_lost'
        | 'idempotency_key_invalid'
        | 'idempotency_in_progress'
        | 'idempotency_key_reused'
        | 'streams_busy'
        | 'image_url_refused'
        | 'image_url_unreachable'
        | 'image_url_status'
        | 'image_url_too_large'
        | 'image_url_redirects'
        | 'delivery_not_found'
        | 'delivery_pending'
        | 'webhook_endpoint_disabled'
        | 'api_key_missing'
        | 'api_key_invalid'
        | 'scope_missing'
        | 'rate_limited'
        | 'concurrency_limited'
        | 'storage_full'
        | 'batch_id_invalid'
        | 'batch_empty'
        | 'archive_malformed'
        | 'batch_not_found'
        | 'batch_finished'
        | 'batch_too_many_items'
        | 'batch_too_large'
        | 'archive_entry_encrypted'
        | 'archive_entry_unreadable'
        | 'archive_entry_expands'
        | 'image_too_complex';
      retryable: boolean;
      request_id?: string;
      errors?: {
        detail: string;
        pointer: string;
      }[];
    };
    TestWebhookBody: {
      /** @constant */
      type: 'webhook.test';
      /** Format: date-time */
      timestamp: string;
      data: {
        delivery: string;
        detail: string;
      };
    };
    WebhookBody: {
      /** @enum {string} */
      type: 'job.succeeded' | 'job.failed' | 'job.canceled' | 'job.expired';
      /** Format: date-time */
      timestamp: string;
      data: components['schemas']['Job'];
    };
    WebhookTest: {
      /** Format: uri */
      webhook_url: string;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
};
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
