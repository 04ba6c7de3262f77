/** One attempt to deliver a message: check the address, sign, send, judge, measure. */
import { checkOutboundUrl, type Agents } from '@quintet/outbound';
import type { DeliveryAttempt, DeliveryMessage, WebhookMetrics } from '@quintet/shared';
import { judge, type AttemptResult, type Verdict } from './outcome.js';
import { send } from './send.js';
import { signatureHeaders } from './sign.js';

export interface AttemptSettings {
  /** The newest first; the message is signed with each. */
  readonly keys: readonly Buffer[];
  readonly agents: Agents;
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

/** Sends `message` under `id`, which is the same on every attempt. Never rejects because of the receiver. */
export async function attempt(
  id: string,
  message: DeliveryMessage,
  settings: AttemptSettings,
  signal: AbortSignal,
): Promise<Attempted> {
  const { metrics, now } = settings;
  metrics.active.inc();
  const stopTimer = metrics.attemptDuration.startTimer();
  const at = now().toISOString();
  const started = performance.now();
  try {
    const came = await result(id, message, settings, signal);
    const verdict = judge(came, now());
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
    stopTimer();
    metrics.active.dec();
  }
}

async function result(
  id: string,
  message: DeliveryMessage,
  settings: AttemptSettings,
  signal: AbortSignal,
): Promise<AttemptResult> {
  // The API has asked the same, perhaps under other settings. What a name resolves to is the agents' question.
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
    agents: settings.agents,
    signal,
  });
}
