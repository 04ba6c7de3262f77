/**
 * Answering before the upload has ended.
 *
 * A server that closes a connection while bytes are under way makes the kernel send a reset, and a client that is still
 * writing loses the answer with it (RFC 9112 section 9.6). So the answer is sent in full, with its length and
 * `Connection: close`, and what still comes is thrown away for a bounded time and volume before the connection ends.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

const longestMs = 2000;
const mostBytes = 64 * 1024 * 1024;
/** A body of this size is simply read to its end, and the connection lives on. */
const smallBody = 64 * 1024;

export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/** Ends `response` with `body`, whose headers are set, whether the request has arrived completely or not. */
export function answerEarly(request: IncomingMessage, response: ServerResponse, body: string): void {
  response.setHeader('Content-Length', Buffer.byteLength(body));
  const length = Number(request.headers['content-length'] ?? Infinity);
  if (request.complete || request.destroyed || !hasBody(request)) {
    response.end(body);
  } else if (awaitsContinue(request)) {
    response.setHeader('Connection', 'close');
    response.end(body);
  } else if (length <= smallBody) {
    response.end(body);
    request.resume();
  } else {
    response.setHeader('Connection', 'close');
    response.write(body);
    discard(request, () => {
      response.end();
    });
  }
}

const continued = new WeakSet<IncomingMessage>();

function awaitsContinue(request: IncomingMessage): boolean {
  return request.headers.expect !== undefined && !continued.has(request);
}

/** Lets a client that asked by `Expect: 100-continue` send its body. */
export function letBodyCome(request: IncomingMessage, response: ServerResponse): void {
  if (!awaitsContinue(request)) return;
  continued.add(request);
  response.writeContinue();
}

function discard(request: IncomingMessage, done: () => void): void {
  let left = mostBytes;
  const finish = (): void => {
    clearTimeout(timer);
    request.off('data', count);
    request.off('end', finish);
    request.off('close', finish);
    done();
  };
  const count = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left <= 0) finish();
  };
  const timer = setTimeout(finish, longestMs);
  request.on('data', count);
  request.once('end', finish);
  request.once('close', finish);
  request.on('error', () => undefined);
  request.resume();
}
