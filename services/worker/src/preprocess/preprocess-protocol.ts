/** Messages between the main thread and a preprocessing thread. */
import type { ImageErrorCode } from '@quintet/images';
import type { Crop } from './crop-with-sharp.js';

export interface PreprocessRequest {
  readonly id: number;
  /** The whole file; transferred. */
  readonly bytes: ArrayBuffer;
}

/** Sent once, when the thread is warm. */
export interface ThreadReady {
  readonly ready: true;
}

export type PreprocessReply =
  | { readonly id: number; readonly crop: Crop }
  /** With a code: the picture is at fault. Without: something else is, and another attempt may work. */
  | { readonly id: number; readonly detail: string; readonly code?: ImageErrorCode };
