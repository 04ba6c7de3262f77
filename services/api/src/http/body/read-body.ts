/** The bytes of a request's body, up to a limit. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ByteCollector, ProblemError } from '@quintet/shared';
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

/** Below this, what is done with a chunk costs more than its bytes do. */
const smallChunk = 1024;

/**
 * The chunks of a request's body. One that is left early stays open, so that it can still be answered. After a small chunk the next
 * is read a turn later: it is all that has come meanwhile, not the next byte of a client that sends each by itself.
 */
export async function* bodyChunks(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      yield chunk;
      if (chunk.length < smallChunk) await nextTurn();
    }
  } catch {
    // The iterator fails only where the connection does.
    throw incomplete();
  }
  if (!request.complete) throw incomplete();
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
    const collector = new ByteCollector(limit, target ?? memoryFor(request));
    const settle = (finish: () => void): void => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
      request.pause();
      finish();
    };
    const onData = (chunk: Buffer): void => {
      if (collector.push(chunk)) return;
      settle(() => {
        reject(tooLarge(told));
      });
    };
    const onEnd = (): void => {
      settle(() => {
        resolve(collector.bytes());
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

/** As much as the body says that it has, where it says so: Node's parser lets none be longer or shorter. */
function memoryFor({ headers }: IncomingMessage): Buffer | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Buffer.allocUnsafeSlow(Number(length));
}
