/** One attempt to deliver a message: check the address, sign, send, judge, measure. */
import { checkOutboundUrl, type MayConnect, type GuardedClient } from '@quintet/outbound';
import type { DeliveryAttempt, DeliveryMessage, WebhookMetrics } from '@quintet/shared';
import { judge, type AttemptResult, type Verdict } from './outcome.js';
import { send } from './send.js';
import { signatureHeaders } from './sign.js';

export interface AttemptSettings {
  /** The newest first; the message is signed with each. */
  readonly keys: readonly Buffer[];
  readonly client: GuardedClient;
  readonly allowPrivateHosts: boolean;
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly metrics: WebhookMetrics;
  readonly now: () => Date;
}

export interface Attempted {
  readonly verdict: Verdict;
  /** For the delivery log. */
  readonly attempt: DeliveryAttempt;
}

/**
 * Sends `message` under `id`, which is the same on every attempt; undefined where `mayConnect` did not allow the host's addresses.
 * Never rejects because of the receiver.
 */
export async function attempt(
  id: string,
  message: DeliveryMessage,
  settings: AttemptSettings,
  mayConnect: MayConnect,
  signal: AbortSignal,
): Promise<Attempted | undefined> {
  const { metrics, now } = settings;
  metrics.active.inc();
  const stopTimer = metrics.attemptDuration.startTimer();
  const at = now().toISOString();
  const started = performance.now();
  const connecting = { allowed: true };
  const noted: MayConnect = (addresses) => (connecting.allowed &&= mayConnect(addresses));
  try {
    const came = await result(id, message, settings, noted, signal);
    if (!connecting.allowed && came.kind === 'connection_failed') return undefined;
    const verdict = judge(came, now());
    stopTimer();
    metrics.attempts.inc({ outcome: verdict.outcome });
    return {
      verdict,
      attempt: {
        at,
        outcome: verdict.outcome,
        ...(came.kind === 'answered' ? { status: came.status } : {}),
        duration_ms: Math.round((performance.now() - started) * 10) / 10,
        ...('reason' in verdict ? { reason: verdict.reason } : {}),
      },
    };
  } finally {
    metrics.active.dec();
  }
}

async function result(
  id: string,
  message: DeliveryMessage,
  settings: AttemptSettings,
  mayConnect: MayConnect,
  signal: AbortSignal,
): Promise<AttemptResult> {
  // The API has asked the same, perhaps under other settings. What a name resolves to is the client's question.
  const refused = checkOutboundUrl(message.url, settings.allowPrivateHosts);
  if (refused !== undefined) return { kind: 'refused', reason: refused };
  return send({
    url: new URL(message.url),
    headers: {
      'content-type': 'application/json',
      'user-agent': settings.userAgent,
      ...signatureHeaders(settings.keys, id, settings.now(), message.body),
    },
    body: message.body,
    timeoutMs: settings.timeoutMs,
    client: settings.client,
    mayConnect,
    signal,
  });
}
