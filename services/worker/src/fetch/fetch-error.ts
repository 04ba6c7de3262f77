/** Why a picture could not be had from its address, and whether another attempt may have it. */
import type { ErrorCode } from '@quintet/shared';

export type FetchErrorCode = Extract<ErrorCode, `image_${string}`>;

interface Again {
  /** Seconds that the server asked to be left alone for; undefined where it asked for nothing. */
  readonly retryAfterSeconds?: number | undefined;
}

export class FetchError extends Error {
  override readonly name = 'FetchError';

  /** `detail` is for whoever gave the address; `again` is there where the same attempt may succeed later. */
  constructor(
    readonly code: FetchErrorCode,
    readonly detail: string,
    readonly again?: Again,
  ) {
    super(detail);
  }
}
