/** Messages between the main thread and a preprocessing thread. */
import type { ImageErrorCode } from '@quintet/images';
import type { PictureSize } from './geometry.js';
import type { PreprocessorOptions } from './preprocessor.js';

/** What a preprocessing thread is given when it starts. */
export interface PreprocessSettings {
  readonly options: PreprocessorOptions;
  /** uint8 [slots, crop, crop, 3]: where crops go. */
  readonly slots: SharedArrayBuffer;
}

export interface PreprocessRequest {
  readonly id: number;
  /** The whole file; transferred. */
  readonly bytes: ArrayBuffer;
  readonly slot: number;
}

/** Sent once, when the thread is warm. */
export interface ThreadReady {
  readonly ready: true;
}

export type PreprocessReply =
  /** The crop of a picture of this size is in its slot. */
  | { readonly id: number; readonly done: PictureSize }
  /** With a code: the picture is at fault. Without: something else is, and another attempt may work. */
  | { readonly id: number; readonly detail: string; readonly code?: ImageErrorCode }
  /** There was no memory for it in time: WaitedTooLongError. */
  | { readonly id: number; readonly waitedTooLong: true };
