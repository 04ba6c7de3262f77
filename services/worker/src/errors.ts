/** What decides how an order ends where it has no answer, and the words of all other errors. */
import type { ErrorCode } from '@quintet/shared';

/** No other attempt would change it: the job fails with `code`. The message is for the client. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure';

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export const failures = {
  imageLost: () =>
    new JobFailure('image_lost', 'The image was no longer in the store when a worker took the job; submit it again.'),
  // An order whose fetch had ended the job is dropped: one that finds neither an end nor an image lost those who fetched it.
  fetchersLost: () =>
    new JobFailure('worker_lost', 'Every worker that fetched the image died before it had it; submit it again.'),
  unexplainable: () =>
    new JobFailure(
      'explanation_unsupported',
      'The model has no global average pool with one linear layer behind it; leave out explain.',
    ),
  tensorSize: (expected: number, given: number) =>
    new JobFailure('infer_request_invalid', `A row of the model's input has ${expected} bytes, not ${given}.`),
};

/** The order goes no further here, and nothing is wrong with it. */
export class OrderStopped extends Error {
  override readonly name = 'OrderStopped';

  /** `handed-back`: to the queue, where another worker may take it at once; that counts as no attempt. */
  constructor(
    readonly why: 'canceled' | 'late' | 'handed-back',
    message: string,
  ) {
    super(message);
  }
}

export const stops = {
  /** Nobody wants the answer any more. */
  canceled: () => new OrderStopped('canceled', 'the job was canceled'),
  /** The answer would have come too late. */
  late: () => new OrderStopped('late', 'the deadline passed before a stream was free'),
  abandoned: () => new OrderStopped('handed-back', 'the worker stops, and hands back what waits'),
  /** Another worker may have some. */
  noMemory: () => new OrderStopped('handed-back', 'the picture waited too long for memory to be decoded in'),
};

/** The message of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
