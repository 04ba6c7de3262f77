/** The bytes of a request's body, up to a limit. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ProblemError } from '@quintet/shared';
import { letBodyCome } from '../drain.js';

export function tooLarge(limit: number): ProblemError {
  return new ProblemError('body_too_large', `The upload has more than the ${limit} bytes that are accepted.`);
}

export function incomplete(): ProblemError {
  return new ProblemError('upload_incomplete', 'The connection ended before the upload did.');
}

/** Refuses a body that says itself that it is over `limit`, before any of it is read; `told` is the limit as documented. */
export function checkLength(request: IncomingMessage, limit: number, told = limit): void {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(told);
}

/**
 * Reads the whole body, whose length has been checked, into `target` where one is given, which is as long as the body says
 * it is. Rejects with `body_too_large` as soon as it is over `limit` bytes, with the rest unread, and with
 * `upload_incomplete` when the client stops.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
  { told = limit, target }: { told?: number; target?: Buffer | undefined } = {},
): Promise<Buffer> {
  letBodyCome(request, response);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void): void => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
      request.pause();
      finish();
    };
    const onData = (chunk: Buffer): void => {
      if (target === undefined) chunks.push(chunk);
      else chunk.copy(target, size);
      size += chunk.length;
      if (size > limit) {
        settle(() => {
          reject(tooLarge(told));
        });
      }
    };
    const onEnd = (): void => {
      settle(() => {
        resolve(target?.subarray(0, size) ?? Buffer.concat(chunks, size));
      });
    };
    const onClose = (): void => {
      settle(() => {
        reject(incomplete());
      });
    };
    request.on('data', onData);
    request.once('end', onEnd);
    // 'error' comes with every abort, and says no more than 'close' does.
    request.on('error', () => undefined);
    request.once('close', onClose);
  });
}
