/** One attempt to deliver a message: check the address, sign, send, judge, measure. */
import type { WebhookMetrics } from '@quintet/shared';
import type { Agents } from './guarded-agents.js';
import type { Message } from './message.js';
import { judge, type AttemptResult, type Verdict } from './outcome.js';
import { send } from './send.js';
import { signatureHeaders } from './sign.js';

export interface AttemptSettings {
  readonly key: Buffer;
  readonly agents: Agents;
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
  const url = URL.canParse(message.url) ? new URL(message.url) : undefined;
  // The API has checked it too; whether the host is private is the agents' question, at the connection.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    return { kind: 'refused', reason: 'the address is not a plain http or https URL' };
  }
  return send({
    url,
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
