/** What the tuning process is asked, and what it says. */
import type { InputSpec } from '../inference/normalize.js';
import type { ModelFile, Provider } from '../inference/thread-protocol.js';
import type { Conditions } from './disturbance.js';
import type { Layout, ProfileRow } from './profile.js';

export interface TuningRequest {
  readonly file: ModelFile;
  readonly provider: Provider;
  readonly input: InputSpec;
  readonly classes: number;
  /** An empty folder to prepare the model in; undefined: it is not to be prepared. */
  readonly prepareIn?: string | undefined;
  /** What to time; undefined: nothing. */
  readonly measure?: { layouts: readonly Layout[]; batches: readonly number[]; limitMs: number } | undefined;
}

export type TuningReply =
  | { readonly type: 'prepared' }
  /** The model stays as it is, for this reason. */
  | { readonly type: 'unprepared'; readonly reason: string }
  /** `conditions`: of all measurements until now. */
  | { readonly type: 'row'; readonly row: ProfileRow; readonly conditions: Conditions }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly reason: string };
