import type { ImageErrorCode } from '@quintet/images';

/** What goes to the decode thread. `bytes` is transferred. */
export interface DecodeRequest {
  readonly bytes: ArrayBuffer;
  readonly maxPixels: number;
}

/** What comes back: RGB pixels in the first width × height × 3 bytes of `pixels` (transferred), or the reason. */
export type DecodeReply =
  | {
      readonly ok: true;
      readonly width: number;
      readonly height: number;
      readonly pixels: ArrayBuffer;
      readonly retire: boolean;
    }
  | { readonly ok: false; readonly code: ImageErrorCode; readonly detail: string; readonly retire: boolean };

/** 'ready' comes first, once the decoder is loaded; then one reply for each request. */
export type ThreadMessage = 'ready' | DecodeReply;
