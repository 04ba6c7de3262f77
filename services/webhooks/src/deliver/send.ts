/**
 * One attempt on the wire: a POST by node:http or node:https, which ask their agent before every connection.
 *
 *   connecting → waiting for headers → draining the body → settled
 *
 * The status decides, so the body is read only to let the receiver end its answer in peace, and at most `maxAnswerBytes`
 * of it. One timer covers everything from the look-up of the name to the last byte: when it rings while the body drips,
 * the status that came before still counts.
 * Invariant: settles exactly once, within `timeoutMs`, never rejects, and leaves no socket open.
 * Redirects are never followed: node's client does not, and the target of one was never checked.
 */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isRefusal, type Agents } from '@quintet/outbound';
import type { AttemptResult } from './outcome.js';

export const maxAnswerBytes = 64 * 1024;

export interface Sending {
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
  readonly timeoutMs: number;
  readonly agents: Agents;
  /** Ends the attempt early, as `interrupted`. */
  readonly signal: AbortSignal;
}

export function send({ url, headers, body, timeoutMs, agents, signal }: Sending): Promise<AttemptResult> {
  if (signal.aborted) return Promise.resolve({ kind: 'interrupted' });
  const bytes = Buffer.from(body);
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': bytes.length },
      agent: secure ? agents.https : agents.http,
    });
    let answer: AttemptResult | undefined;
    const settle = (result: AttemptResult): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(answer ?? result);
      request.destroy();
    };
    const onAbort = (): void => {
      settle({ kind: 'interrupted' });
    };
    const timer = setTimeout(() => {
      settle({ kind: 'timeout' });
    }, timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays attached after settling: a socket that is being destroyed may still report an error.
    request.on('error', (error: NodeJS.ErrnoException) => {
      settle(failure(error));
    });
    request.on('response', (response) => {
      answer = answered(response);
      drain(response, settle);
    });
    request.end(bytes);
  });
}

function answered(response: IncomingMessage): AttemptResult {
  // The client always sets it on a response.
  return { kind: 'answered', status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
}

function drain(response: IncomingMessage, settle: (result: AttemptResult) => void): void {
  let received = 0;
  const done = (): void => {
    settle(answered(response));
  };
  response.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > maxAnswerBytes) done();
  });
  response.on('error', done);
  response.on('close', done);
}

function failure(error: NodeJS.ErrnoException): AttemptResult {
  if (isRefusal(error)) return { kind: 'refused', reason: 'the host is, or resolves to, a private address' };
  return { kind: 'connection_failed', code: error.code ?? error.name };
}
