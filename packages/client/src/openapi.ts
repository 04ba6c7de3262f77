/** Written by `npm run docs` from docs/openapi.json. */
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export type components = {
  schemas: {
    Batch: {
      /** @description The id of the batch. */
      id: string;
      /**
       * @description `queued`: none has started; `processing`; `completed`: all have ended; `canceled`: by its client, before all had ended.
       * @enum {string}
       */
      status: 'queued' | 'processing' | 'completed' | 'canceled';
      /** @description What classifies the pictures. */
      model: components['schemas']['ModelRef'];
      /**
       * Format: date-time
       * @description When it was accepted.
       */
      created_at: string;
      /**
       * Format: date-time
       * @description When the first picture started.
       */
      started_at?: string;
      /**
       * Format: date-time
       * @description When the last picture ended.
       */
      finished_at?: string;
      /** @description Pictures in it. */
      total: number;
      /** @description Pictures by state. */
      counts: {
        /** @description Waiting. */
        queued: number;
        /** @description Held by a worker. */
        processing: number;
        /** @description Classified. */
        succeeded: number;
        /** @description Ended with an error. */
        failed: number;
        /** @description Canceled. */
        canceled: number;
        /** @description Not started before `ttl_seconds` were over. */
        expired: number;
      };
      /** @description The part that has ended, 0 to 1. */
      progress: number;
      /** @description When the last picture should end, in seconds from now; absent while the queue stands. */
      eta_seconds?: number;
      /** @description The first pictures that failed, 20 at most. */
      errors: {
        /** @description Its place in the upload, from 0. */
        index: number;
        /** @description The name of its file, its address, or the `id` that it was given. */
        name: string;
        /** @description The id of its job. */
        job_id: string;
        /** @description Why. */
        error: components['schemas']['Problem'];
      }[];
      /** @description What the submission said, unchanged. */
      metadata: {
        [key: string]: string;
      };
      /** @description Where to go from here. */
      links: {
        /** @description The batch. */
        self: string;
        /** @description The results of all its pictures. */
        results: string;
      };
    };
    BatchItem: {
      /** @description The picture; this or `image_url`. */
      image_base64?: string;
      /** @description The address of the picture; this or `image_base64`. */
      image_url?: string;
      /** @description A name for it, which results repeat. */
      id?: string;
      /** @description Up to 16 texts, which its job repeats. */
      metadata?: {
        [key: string]: string;
      };
    };
    BatchRequest: {
      /** @description The pictures; this or `image_urls`. */
      items?: components['schemas']['BatchItem'][];
      /** @description The addresses of the pictures; this or `items`. */
      image_urls?: string[];
      /** @description One of the models of `GET /v1/models`; the service's default where it is not set. */
      model?: string;
      /** @description How many labels to answer; 5 unless set. */
      top_k?: number;
      /** @description Leave out labels that score less. */
      min_score?: number;
      /** @description Also answer where the model looked for its first label. */
      explain?: boolean;
      /**
       * Format: uri
       * @description Where to POST the end of the job, signed.
       */
      webhook_url?: string;
      /** @description Which ends to tell; `batch.completed` unless set. */
      webhook_events?: ('batch.completed' | 'job.succeeded' | 'job.failed' | 'job.canceled' | 'job.expired')[];
      /** @description End it as `expired`, without running it, if it has not started by then. */
      ttl_seconds?: number;
      /** @description 0 goes first; larger numbers yield. 5 unless set. */
      priority?: number;
      /** @description Up to 16 texts by name, which the job repeats. */
      metadata?: {
        [key: string]: string;
      };
    };
    BatchResult: {
      /** @description Its place in the upload, from 0. */
      index: number;
      /** @description The name of its file, its address, or the `id` that it was given. */
      name: string;
      /** @description The id of its job. */
      job_id: string;
      /** @description The job as it stands; absent once it is forgotten. */
      job?: components['schemas']['Job'];
    };
    BatchWebhookBody: {
      /**
       * @description What happened.
       * @constant
       */
      type: 'batch.completed';
      /**
       * Format: date-time
       * @description When.
       */
      timestamp: string;
      /** @description The batch. */
      data: components['schemas']['Batch'];
    };
    CorrectionRequest: {
      /** @description Any text, or the name of a class. */
      label: string;
      /** @description The number of the class, which tells classes of one name apart. */
      index?: number;
    };
    Delivery: {
      /** @description The id of the delivery, sent as `webhook-id`. */
      id: string;
      /** @description The job that it tells of. */
      job_id?: string;
      /** @description The batch that it tells of. */
      batch_id?: string;
      /**
       * @description What it tells.
       * @enum {string}
       */
      event: 'job.succeeded' | 'job.failed' | 'job.canceled' | 'job.expired' | 'batch.completed' | 'webhook.test';
      /** @description Where it goes; without its query, which may hold a secret. */
      url: string;
      /**
       * @description `pending`: will be tried again; `delivered` and `failed` are ends.
       * @enum {string}
       */
      state: 'pending' | 'delivered' | 'failed';
      /**
       * Format: date-time
       * @description When it was due first.
       */
      created_at: string;
      /**
       * Format: date-time
       * @description When it changed last.
       */
      updated_at: string;
      /**
       * Format: date-time
       * @description When it is tried again.
       */
      next_attempt_at?: string;
      /** @description The last attempts, the oldest first. */
      attempts: {
        /**
         * Format: date-time
         * @description When.
         */
        at: string;
        /** @description What came of it. */
        outcome: string;
        /** @description The HTTP status that was answered. */
        status?: number;
        /** @description How long it took, in milliseconds. */
        duration_ms: number;
        /** @description Why it failed. */
        reason?: string;
      }[];
      /** @description Where to go from here. */
      links: {
        /** @description The delivery. */
        self: string;
      };
    };
    DeliveryList: {
      /** @description All of them. */
      deliveries: components['schemas']['Delivery'][];
    };
    DeliveryPage: {
      /** @description The newest first. */
      deliveries: components['schemas']['Delivery'][];
      /** @description What `cursor` has to be for the next page; absent on the last. */
      next_cursor?: string;
    };
    GradioLabel: {
      /** @description The most likely one; null where there is none. */
      label: string | null;
      /** @description All of them, the best first. */
      confidences: {
        /** @description What it is. */
        label: string;
        /** @description How likely, 0 to 1. */
        confidence: number;
      }[];
    };
    Health: {
      /**
       * @description Whether it lives, or may be sent work.
       * @enum {string}
       */
      status: 'live' | 'ready' | 'not_ready';
      /** @description Why it may not be sent work. */
      reasons?: string[];
    };
    Index: {
      /**
       * @description Always `quintet`.
       * @constant
       */
      service: 'quintet';
      /** @description The version of the service. */
      version: string;
      /** @description Where its resources are. */
      links: {
        [key: string]: string;
      };
      /** @description What is missing, where something is. */
      hint?: string;
    };
    InferModel: {
      /** @description The name of the model. */
      name: string;
      /** @description The hash of its file. */
      versions: string[];
      /** @description What runs it. */
      platform: string;
      /** @description What it takes. */
      inputs: {
        /** @description The name of the input. */
        name: string;
        /**
         * @description Its type.
         * @constant
         */
        datatype: 'FP32';
        /** @description Its shape; -1 is any number of rows. */
        shape: number[];
      }[];
      /** @description What it gives. */
      outputs: {
        /** @description The name of the output. */
        name: string;
        /**
         * @description Its type.
         * @constant
         */
        datatype: 'FP32';
        /** @description Its shape; -1 is any number of rows. */
        shape: number[];
      }[];
    };
    InferModelConfig: {
      /** @description The name of the model. */
      name: string;
      /** @description What runs it. */
      platform: string;
      /** @description Most rows of a request. */
      max_batch_size: number;
      /** @description What it takes. */
      input: {
        /** @description The name of the input. */
        name: string;
        /**
         * @description Its type.
         * @constant
         */
        data_type: 'TYPE_FP32';
        /** @description The shape of a row. */
        dims: number[];
        /**
         * @description The order of its axes.
         * @enum {string}
         */
        format: 'FORMAT_NCHW' | 'FORMAT_NHWC';
      }[];
      /** @description What it gives. */
      output: {
        /** @description The name of the output. */
        name: string;
        /**
         * @description Its type.
         * @constant
         */
        data_type: 'TYPE_FP32';
        /** @description The shape of a row. */
        dims: number[];
      }[];
    };
    InferModelReady: {
      /** @description The name of the model. */
      name: string;
      /** @description Whether a live worker serves it. */
      ready: boolean;
    };
    InferRequest: {
      /** @description Any text, which the answer repeats. */
      id?: string;
      /** @description Of the request: `binary_data_output`, `timeout`, `priority`. */
      parameters?: {
        [key: string]: unknown;
      };
      /** @description One: `image` with pictures, or the input of the model. */
      inputs: {
        /** @description The name of the input. */
        name: string;
        /** @description Rows first. */
        shape: number[];
        /** @description `BYTES` for pictures, `FP32` for values. */
        datatype: string;
        /** @description `binary_data_size`, where the values come behind the JSON. */
        parameters?: {
          [key: string]: unknown;
        };
        /** @description Pictures in base64, or values. */
        data?: unknown;
      }[];
      /** @description Which outputs, and how; all values of the one there is unless set. */
      outputs?: {
        /** @description The name of the output. */
        name: string;
        /** @description `classification`: the best so many labels in place of values; `binary_data`. */
        parameters?: {
          [key: string]: unknown;
        };
      }[];
    };
    InferResponse: {
      /** @description That of the request. */
      id?: string;
      /** @description The name of the model. */
      model_name: string;
      /** @description The hash of its file. */
      model_version?: string;
      /** @description As asked for. */
      outputs: {
        /** @description The name of the output. */
        name: string;
        /**
         * @description `FP32` for values, `BYTES` for labels.
         * @enum {string}
         */
        datatype: 'FP32' | 'BYTES';
        /** @description Rows first. */
        shape: number[];
        /** @description Of what comes behind the JSON. */
        parameters?: {
          /** @description Its bytes. */
          binary_data_size: number;
        };
        /** @description Values; or labels as `score:index:label`. */
        data?: (number | string)[];
      }[];
    };
    InferServer: {
      /** @description Of the service. */
      name: string;
      /** @description Of the service. */
      version: string;
      /** @description Of the protocol, those that it has. */
      extensions: string[];
    };
    Job: {
      /** @description The id of the job. */
      id: string;
      /**
       * @description `queued` and `processing` go on; `succeeded`, `failed`, `canceled` and `expired` are ends, and do not change any more.
       * @enum {string}
       */
      status: 'queued' | 'processing' | 'succeeded' | 'failed' | 'canceled' | 'expired';
      /** @description What classifies the picture. */
      model: components['schemas']['ModelRef'];
      /**
       * Format: date-time
       * @description When it was accepted.
       */
      created_at: string;
      /**
       * Format: date-time
       * @description When a worker took it.
       */
      started_at?: string;
      /**
       * Format: date-time
       * @description When it ended.
       */
      finished_at?: string;
      /** @description While it waits: its place. */
      queue?: {
        /** @description Jobs that will be started before it; 0 is next. */
        position: number;
        /** @description When it should end, in seconds from now; absent while the queue stands, or the picture is not there yet. */
        eta_seconds?: number;
      };
      /** @description What the submission said, unchanged. */
      metadata: {
        [key: string]: string;
      };
      /** @description The id of the batch that it is part of. */
      batch?: string;
      /** @description Where to go from here. */
      links: {
        /** @description The job. */
        self: string;
        /** @description Its states as they change. */
        events?: string;
        /** @description Where the model looked, as a picture; where it was asked for. */
        explanation?: string;
      };
      /** @description The labels, the most likely first; once it has succeeded. */
      predictions?: components['schemas']['Prediction'][];
      /** @description Where the time went, in milliseconds. */
      timing_ms?: {
        /** @description From acceptance to the start on a worker. */
        queue: number;
        /** @description Reading the picture from the store. */
        fetch: number;
        /** @description Decoding, resizing, cropping. */
        preprocess: number;
        /** @description From the crop to the start of its run. */
        batch_wait: number;
        /** @description The run of the model that held it. */
        inference: number;
        /** @description From acceptance to the result. */
        total: number;
      };
      /** @description Pictures in that run of the model. */
      batch_size?: number;
      /** @description Which worker. */
      worker?: string;
      /** @description What the model ran on. */
      device?: string;
      /**
       * @description `hit`: answered from what was kept; `coalesced`: from what another job computed meanwhile.
       * @enum {string}
       */
      cache?: 'hit' | 'coalesced';
      /** @description Why it failed or expired. */
      error?: components['schemas']['Problem'];
      /** @description Where the model looked; where it was asked for. */
      explanation?: {
        /** @description The label that it explains: the first one. */
        label: string;
        /** @description Its WordNet id. */
        wnid: string;
        /** @description Its number in the model. */
        index: number;
        /** @description Rows of the map, as the model has it. */
        rows: number;
        /** @description Columns of it. */
        columns: number;
        /** @description The part of the upright picture that it covers, as fractions of its width and height. */
        region: {
          /** @description From the left edge, 0 to 1. */
          left: number;
          /** @description From the top edge, 0 to 1. */
          top: number;
          /** @description Of the picture, 0 to 1. */
          width: number;
          /** @description Of the picture, 0 to 1. */
          height: number;
        };
      };
      /** @description What its client says that the picture shows, where it has said so. */
      correction?: {
        /** @description The text that was given, or the name of the class. */
        label: string;
        /** @description Where it is a class of the model: its WordNet id. */
        wnid?: string;
        /** @description Where it is a class of the model: its number. */
        index?: number;
        /**
         * Format: date-time
         * @description When it was given.
         */
        at: string;
      };
    };
    JobPage: {
      /** @description The newest first. */
      jobs: components['schemas']['Job'][];
      /** @description What `cursor` has to be for the next page; absent on the last. */
      next_cursor?: string;
    };
    JobRequest: {
      /** @description The picture; this or `image_url`. */
      image_base64?: string;
      /**
       * Format: uri
       * @description The address of the picture; this or `image_base64`.
       */
      image_url?: string;
      /** @description One of the models of `GET /v1/models`; the service's default where it is not set. */
      model?: string;
      /** @description How many labels to answer; 5 unless set. */
      top_k?: number;
      /** @description Leave out labels that score less. */
      min_score?: number;
      /** @description Also answer where the model looked for its first label. */
      explain?: boolean;
      /**
       * Format: uri
       * @description Where to POST the end of the job, signed.
       */
      webhook_url?: string;
      /** @description Which ends to tell; all unless set. */
      webhook_events?: ('job.succeeded' | 'job.failed' | 'job.canceled' | 'job.expired')[];
      /** @description End it as `expired`, without running it, if it has not started by then. */
      ttl_seconds?: number;
      /** @description 0 goes first; larger numbers yield. 0 unless set. */
      priority?: number;
      /** @description Up to 16 texts by name, which the job repeats. */
      metadata?: {
        [key: string]: string;
      };
    };
    LabelList: {
      /** @description The name of the model. */
      model: string;
      /** @description The hash of the file that has these classes. */
      version?: string;
      /** @description Its classes. */
      labels: {
        /** @description What it is, in English. */
        label: string;
        /** @description Its WordNet id, ImageNet's name of the class. */
        wnid: string;
        /** @description Its number, from 0. */
        index: number;
      }[];
    };
    LabelRequest: {
      /** @description The picture in base64, or its address. */
      inputs: string;
      /** @description What is wanted. */
      parameters?: {
        /** @description How many labels. */
        top_k?: number;
        /**
         * @description What makes scores of the model's values.
         * @enum {string}
         */
        function_to_apply?: 'softmax' | 'sigmoid' | 'none';
      };
      /** @description Hints of older clients, which are ignored. */
      options?: {
        [key: string]: unknown;
      };
    };
    Labels: {
      /** @description What it is. */
      label: string;
      /** @description How likely. */
      score: number;
    }[];
    ModelList: {
      /** @description The model of jobs that name none; absent before the first worker is ready. */
      default?: string;
      /** @description Every model that is known. */
      models: {
        /** @description Its name, as the option `model` takes it. */
        name: string;
        /** @description The hash of its file. */
        version?: string;
        /**
         * @description `demo`: random weights; its answers mean nothing.
         * @enum {string}
         */
        weights?: 'pretrained' | 'demo';
        /** @description Whether it can show where it looked (`explain`). */
        explainable: boolean;
        /** @description What it sees of a picture. */
        preprocess?: {
          /** @description The short side becomes so many pixels long. */
          resize: number;
          /** @description The side of the square that is then cut out of the middle, in pixels. */
          crop: number;
        };
        /** @description The live workers that serve it. */
        workers: {
          /** @description The name of the worker, as jobs tell it. */
          id: string;
          /** @description What it runs on. */
          device: string;
          /**
           * Format: date-time
           * @description When it started.
           */
          since: string;
          /** @description Runs of the model at once. */
          streams: number;
          /** @description Most pictures in one run. */
          max_batch_size: number;
          /** @description Threads of one run. */
          intra_op_threads?: number;
          /** @description Threads of the run of a picture that is alone. */
          solo_threads?: number;
          /** @description What was measured when it started. */
          profile?: {
            /** @description `throughput` or `latency`. */
            optimized_for: string;
            /** @description Of all its streams together. */
            images_per_second: number;
            /** @description Milliseconds of a run, by number of pictures in it. */
            latency_ms: {
              [key: string]: number;
            };
          };
        }[];
      }[];
    };
    ModelRef: {
      /** @description Its name. */
      name: string;
      /** @description The hash of its file; once a worker is known that serves it. */
      version?: string;
      /**
       * @description `demo`: random weights; the answer means nothing.
       * @enum {string}
       */
      weights?: 'pretrained' | 'demo';
    };
    Operations: {
      /**
       * Format: date-time
       * @description When this was looked at.
       */
      at: string;
      /**
       * @description How far it looks back.
       * @constant
       */
      window_seconds: 60;
      /** @description Jobs that ended within the window. */
      throughput: {
        /** @description Succeeded and failed ones. */
        per_second: number;
        /** @description Classified. */
        succeeded: number;
        /** @description Ended with an error. */
        failed: number;
        /** @description Canceled. */
        canceled: number;
        /** @description Not started in time. */
        expired: number;
        /** @description The same in steps of 5 seconds, the oldest first. */
        history: {
          /**
           * Format: date-time
           * @description The start of the step.
           */
          at: string;
          /** @description Classified in it. */
          succeeded: number;
          /** @description Ended with an error in it. */
          failed: number;
        }[];
      };
      /** @description What waits. */
      queue: {
        /** @description Jobs that wait, of all models. */
        depth: number;
        /** @description How many of one model may. */
        max_depth: number;
        /** @description When they should have ended, in seconds from now; absent while the queue of a model stands. */
        eta_seconds?: number;
        /** @description The same by model. */
        by_model: {
          /** @description Its name. */
          model: string;
          /** @description Jobs that wait. */
          waiting: number;
          /** @description Jobs that workers hold. */
          active: number;
        }[];
      };
      /** @description Milliseconds of the jobs that a worker ran and that succeeded within the window, by phase; answers from the cache do not count. */
      latency_ms: {
        /** @description From acceptance to the result. */
        total?: {
          /** @description Half took no longer. */
          p50: number;
          /** @description Nine of ten took no longer. */
          p90: number;
          /** @description 99 of 100 took no longer. */
          p99: number;
        };
        /** @description From acceptance to the start on a worker. */
        queue?: {
          /** @description Half took no longer. */
          p50: number;
          /** @description Nine of ten took no longer. */
          p90: number;
          /** @description 99 of 100 took no longer. */
          p99: number;
        };
        /** @description Decoding, resizing, cropping. */
        preprocess?: {
          /** @description Half took no longer. */
          p50: number;
          /** @description Nine of ten took no longer. */
          p90: number;
          /** @description 99 of 100 took no longer. */
          p99: number;
        };
        /** @description The run of the model. */
        inference?: {
          /** @description Half took no longer. */
          p50: number;
          /** @description Nine of ten took no longer. */
          p90: number;
          /** @description 99 of 100 took no longer. */
          p99: number;
        };
      };
      /** @description Those that live. */
      workers: {
        /** @description The name of the worker, as jobs tell it. */
        id: string;
        /** @description What it serves. */
        model: components['schemas']['ModelRef'];
        /** @description What it runs on. */
        device: string;
        /**
         * Format: date-time
         * @description When it was ready.
         */
        since: string;
        /** @description Runs of the model at once. */
        streams: number;
        /** @description Pictures a second that it does while it has all the work that it can take. */
        rate: number;
        /** @description The share of its streams that was busy just now, 0 to 1. */
        load?: number;
        /** @description Jobs that it holds. */
        active?: number;
        /** @description Resident memory of its process. */
        memory_bytes?: number;
      }[];
      /** @description Deliveries. */
      webhooks: {
        /** @description Those that will be tried, or tried again. */
        pending: number;
        /** @description Those that were given up and are still in the log. */
        failed: number;
      };
      /** @description Its memory. */
      redis: {
        /** @description What it uses. */
        used_bytes: number;
        /** @description Its `maxmemory`, where it has one. */
        limit_bytes?: number;
      };
    };
    PlainError: {
      /** @description What is wrong, and what would be right. */
      error: string;
      /**
       * @description The kind of failure, for programs; it never changes.
       * @enum {string}
       */
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
        | 'option_conflict'
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
        | 'image_too_complex'
        | 'infer_request_invalid'
        | 'model_unavailable'
        | 'job_canceled'
        | 'answer_timeout'
        | 'explanation_not_found'
        | 'explanation_unsupported'
        | 'job_not_succeeded';
      /** @description By which the log of the service can be searched. */
      request_id: string;
    };
    Prediction: {
      /** @description What it is, in English. */
      label: string;
      /** @description Its WordNet id, ImageNet's name of the class. */
      wnid: string;
      /** @description The number of the class in the model, from 0. */
      index: number;
      /** @description How likely, 0 to 1; all classes together are 1. */
      score: number;
    };
    Problem: {
      /** @description A name for this kind of failure. */
      type: string;
      /** @description The kind of failure, for people. */
      title: string;
      /** @description The HTTP status. */
      status: number;
      /** @description What is wrong this time, and what would be right. */
      detail?: string;
      /** @description The path that was asked. */
      instance?: string;
      /**
       * @description The kind of failure, for programs; it never changes.
       * @enum {string}
       */
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
        | 'option_conflict'
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
        | 'image_too_complex'
        | 'infer_request_invalid'
        | 'model_unavailable'
        | 'job_canceled'
        | 'answer_timeout'
        | 'explanation_not_found'
        | 'explanation_unsupported'
        | 'job_not_succeeded';
      /** @description Whether the same request may succeed later. */
      retryable: boolean;
      /** @description By which the log of the service can be searched. */
      request_id?: string;
      /** @description Each thing that is wrong. */
      errors?: {
        /** @description What is wrong with it. */
        detail: string;
        /** @description Where, as a JSON pointer. */
        pointer: string;
      }[];
    };
    TestWebhookBody: {
      /**
       * @description What happened.
       * @constant
       */
      type: 'webhook.test';
      /**
       * Format: date-time
       * @description When.
       */
      timestamp: string;
      /** @description Nothing that has to be acted on. */
      data: {
        /** @description The id of the delivery. */
        delivery: string;
        /** @description A sentence for people. */
        detail: string;
      };
    };
    WebhookBody: {
      /**
       * @description What happened.
       * @enum {string}
       */
      type: 'job.succeeded' | 'job.failed' | 'job.canceled' | 'job.expired';
      /**
       * Format: date-time
       * @description When.
       */
      timestamp: string;
      /** @description The job. */
      data: components['schemas']['Job'];
    };
    WebhookTest: {
      /**
       * Format: uri
       * @description Where to send it.
       */
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
