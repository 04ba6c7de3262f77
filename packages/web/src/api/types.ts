/** The API's answers as the page reads them: packages/shared/src/job.ts, which checks them on the other side. */

export const finalStatuses = ['succeeded', 'failed', 'canceled', 'expired'] as const;
export type FinalStatus = (typeof finalStatuses)[number];
export type JobStatus = 'queued' | 'processing' | FinalStatus;

export interface ModelRef {
  readonly name: string;
  /** `sha256:…`; absent while no worker has announced the model. */
  readonly version?: string;
  readonly weights?: 'pretrained' | 'demo';
}

export interface Prediction {
  readonly label: string;
  readonly wnid: string;
  readonly index: number;
  /** 0 to 1. */
  readonly score: number;
}

/** Milliseconds spent in each phase; `total` from the acceptance of the job to its result. */
export interface Timing {
  readonly queue: number;
  readonly fetch: number;
  readonly preprocess: number;
  readonly batch_wait: number;
  readonly inference: number;
  readonly total: number;
}

/** A problem document (RFC 9457) with Quintet's stable `code`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly request_id?: string;
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[];
}

/** Where the network looked for the top label: a heat map that covers `region` of the upright picture. */
export interface Explanation {
  readonly label: string;
  readonly index: number;
  readonly wnid: string;
  readonly rows: number;
  readonly columns: number;
  /** As fractions of the picture's width and height, 0 to 1. */
  readonly region: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** What the client of a job says that its picture shows. */
export interface Correction {
  readonly label: string;
  readonly wnid?: string;
  readonly index?: number;
  readonly at: string;
}

export interface Job {
  readonly id: string;
  readonly status: JobStatus;
  readonly model: ModelRef;
  readonly created_at: string;
  readonly started_at?: string;
  readonly finished_at?: string;
  readonly queue?: { readonly position: number; readonly eta_seconds?: number };
  readonly predictions?: readonly Prediction[];
  readonly timing_ms?: Timing;
  readonly batch_size?: number;
  readonly worker?: string;
  readonly device?: string;
  readonly cache?: 'hit' | 'coalesced';
  readonly error?: Problem;
  readonly explanation?: Explanation;
  readonly correction?: Correction;
  readonly metadata: Readonly<Record<string, string>>;
  readonly batch?: string;
  readonly links: { readonly self: string; readonly events?: string; readonly explanation?: string };
}

/** What a model sees of a picture: its short side is made `resize` pixels long, and a square of `crop` is cut out of the middle. */
export interface Preprocess {
  readonly resize: number;
  readonly crop: number;
}

export interface ServedModel extends ModelRef {
  readonly explainable?: boolean;
  /** Absent where no worker has said so. */
  readonly preprocess?: Preprocess;
  readonly workers: readonly { readonly id: string; readonly device: string }[];
}

export interface ModelList {
  readonly default: string;
  readonly models: readonly ServedModel[];
}

export function isFinal(status: JobStatus): status is FinalStatus {
  return (finalStatuses as readonly string[]).includes(status);
}
