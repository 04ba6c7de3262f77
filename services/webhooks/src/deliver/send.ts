/**
 * One attempt on the wire: a POST by the guarded client, which judges each address before it connects.
 *
 *   connecting → waiting for headers → draining the body → settled
 *
 * The status decides, so the body is read only to let the receiver end its answer in peace, and at most `maxAnswerBytes`
 * of it. One limit covers everything from the look-up of the name to the last byte: when it is reached while the body drips,
 * the status that came before still counts.
 * Invariant: settles within `timeoutMs`, never rejects, whatever the receiver does, and leaves no socket open.
 * Redirects are never followed: the target of one was never checked.
 */
import { CallError, RefusedAddressError, type Answer, type MayConnect, type GuardedClient } from '@quintet/outbound';
import type { AttemptResult } from './outcome.js';

export const maxAnswerBytes = 64 * 1024;

export interface Sending {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly client: GuardedClient;
  readonly mayConnect?: MayConnect;
  /** Ends the attempt early, as `interrupted`. */
  readonly signal: AbortSignal;
}

export async function send({ url, timeoutMs, client, signal, ...message }: Sending): Promise<AttemptResult> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await client.call(url, { ...message, signal: AbortSignal.any([signal, limit]) });
    await drain(answer);
    const [retryAfter] = [answer.headers['retry-after']].flat();
    return { kind: 'answered', status: answer.status, retryAfter };
  } catch (error) {
    if (signal.aborted) return { kind: 'interrupted' };
    if (limit.aborted) return { kind: 'timeout' };
    if (error instanceof RefusedAddressError) {
      return { kind: 'refused', reason: 'the host is, or resolves to, a private address' };
    }
    if (error instanceof CallError) return { kind: 'connection_failed', code: error.code };
    throw error;
  }
}

async function drain({ body }: Answer): Promise<void> {
  let received = 0;
  try {
    for await (const chunk of body) {
      received += chunk.length;
      if (received > maxAnswerBytes) return;
    }
  } catch {
    // The status has come before.
  }
}
