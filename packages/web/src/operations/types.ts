/**
 * What GET /v1/operations answers, as the page reads it: packages/shared/src/operations.ts, which describes each field.
 * test/integration/operations.test.ts does not compile where they disagree.
 */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export type LatencyPhase = 'total' | 'queue' | 'preprocess' | 'inference';

export interface WorkerState {
  readonly id: string;
  readonly model: {
    readonly name: string;
    readonly version?: string | undefined;
    readonly weights?: 'pretrained' | 'demo' | undefined;
  };
  readonly device: string;
  readonly since: string;
  readonly streams: number;
  readonly rate: number;
  readonly load?: number | undefined;
  readonly active?: number | undefined;
  readonly memory_bytes?: number | undefined;
}

export interface Operations {
  readonly at: string;
  readonly window_seconds: number;
  readonly throughput: {
    readonly per_second: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly canceled: number;
    readonly expired: number;
    readonly history: readonly { readonly at: string; readonly succeeded: number; readonly failed: number }[];
  };
  readonly queue: {
    readonly depth: number;
    readonly max_depth: number;
    readonly eta_seconds?: number | undefined;
    readonly by_model: readonly { readonly model: string; readonly waiting: number; readonly active: number }[];
  };
  readonly latency_ms: { readonly [Phase in LatencyPhase]?: Percentiles | undefined };
  readonly workers: readonly WorkerState[];
  readonly webhooks: { readonly pending: number; readonly failed: number };
  readonly redis: { readonly used_bytes: number; readonly limit_bytes?: number | undefined };
}
