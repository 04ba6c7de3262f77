/** One attempt to deliver a message: check the address, sign, send, judge, measure. */
import { checkOutboundUrl, type Agents } from '@quintet/outbound';
import type { WebhookMetrics } from '@quintet/shared';
import type { Message } from './message.js';
import { judge, type AttemptResult, type Verdict } from './outcome.js';
import { send } from './send.js';
import { signatureHeaders } from './sign.js';

export interface AttemptSettings {
  readonly key: Buffer;
  readonly agents: Agents;
  readonly allowPrivateHosts: boolean;
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly metrics: WebhookMetrics;
  readonly now: () => Date;
}

/** Sends `message` under `id`, which is the same on every attempt. Never rejects because of the receiver. */
export async function attempt(
  id: string,
  message: Message,
  settings: AttemptSettings,
  signal: AbortSignal,
): Promise<Verdict> {
  const { metrics, now } = settings;
  metrics.active.inc();
  const stopTimer = metrics.attemptDuration.startTimer();
  try {
    const verdict = judge(await result(id, message, settings, signal), now());
    metrics.attempts.inc({ outcome: verdict.outcome });
    return verdict;
  } finally {
    stopTimer();
    metrics.active.dec();
  }
}

async function result(
  id: string,
  message: Message,
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
      ...signatureHeaders(settings.key, id, settings.now(), message.body),
    },
    body: message.body,
    timeoutMs: settings.timeoutMs,
    agents: settings.agents,
    signal,
  });
}
