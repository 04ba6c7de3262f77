/**
 * What becomes of a delivery order when it is its turn, apart from BullMQ:
 *
 *   no message any more         → skipped, dropped
 *   no message yet              → wait: a batch with items that have not ended; no attempt
 *   its host, or its client, has its share of the places (packages/outbound/src/fair-shares.ts)
 *                               → busy: again when there is room; no attempt
 *   its endpoint said 410       → failed (disabled), without a request; a test event is sent all the same
 *   attempt: 2xx                → delivered; a test event enables its endpoint again
 *            410                → failed (gone), and the endpoint is disabled
 *            may not be sent    → failed (refused)
 *            anything else      → retry, or failed (exhausted) where the schedule has ended
 *            our own stop       → interrupted: handed back; no attempt
 *
 * The delivery log is told before the queue is, so what was delivered is never sent again for want of the queue's note of
 * it, if the process that delivered it dies in between. A log that cannot be written (Redis is full) delays no delivery.
 */
import { addressParties, partiesOf, type Busy, type FairShares, type MayConnect, type Place } from '@quintet/outbound';
import {
  deliveryId,
  endpointFingerprint,
  withoutQuery,
  type DeliveryAttempt,
  type DeliveryHead,
  type DeliveryLog,
  type DeliveryMessage,
  type DeliveryNote,
  type DisabledEndpoints,
  type LoggedDelivery,
  type Logger,
  type ParsedDeliveryOrder,
  type WebhookMetrics,
} from '@quintet/shared';
import type { Attempted } from './attempt.js';
import type { Prepared } from './message.js';
import { delayBeforeNext, type DeliveryOutcome, type RetryHint } from './outcome.js';

export type Decision =
  | { readonly kind: 'ended'; readonly outcome: DeliveryOutcome }
  | { readonly kind: 'failed'; readonly outcome: DeliveryOutcome; readonly reason: string }
  | { readonly kind: 'retry'; readonly delayMs: number; readonly reason: string }
  | Busy
  | { readonly kind: 'wait'; readonly noneLeft: (() => Promise<void>) | undefined }
  | { readonly kind: 'interrupted' };

export interface DelivererOptions {
  readonly log: DeliveryLog;
  readonly endpoints: DisabledEndpoints;
  readonly shares: FairShares;
  /** Places of one host at most. */
  readonly hostConcurrency: number;
  readonly prepare: (order: ParsedDeliveryOrder, logger: Logger) => Promise<Prepared>;
  /** Undefined where `mayConnect` did not allow the addresses that the host has: nothing was sent. */
  readonly attempt: (
    id: string,
    message: DeliveryMessage,
    mayConnect: MayConnect,
    signal: AbortSignal,
  ) => Promise<Attempted | undefined>;
  /** Seconds before each attempt, the first included. */
  readonly schedule: readonly number[];
  readonly metrics: WebhookMetrics;
  readonly now: () => Date;
}

/** How often the order has been started, tried before, and may be tried, and its name in the queue. */
export interface Turn {
  readonly entry: string;
  readonly start: number;
  readonly attemptsMade: number;
  readonly mostAttempts: number;
}

export class Deliverer {
  constructor(private readonly options: DelivererOptions) {}

  async deliver(order: ParsedDeliveryOrder, turn: Turn, parent: Logger, signal: AbortSignal): Promise<Decision> {
    const id = deliveryId(order.id);
    const known = await this.options.log.peek(id);
    // Its process died between the log's note and the queue's.
    if (known?.state === 'delivered' && known.entry === turn.entry) return told(delivered, parent);
    const prepared = await this.#message(order, known, parent);
    if ('wait' in prepared) return { kind: 'wait', noneLeft: prepared.wait.noneLeft };
    if ('ended' in prepared) {
      const attempt = this.#nothingSent('dropped', 'what it told of is no longer kept');
      if (known !== undefined) await this.#noteKnown(id, { state: 'failed', attempt }, parent);
      return told({ kind: 'ended', outcome: prepared.ended }, parent);
    }
    const { message, owner } = prepared;
    const host = hostOf(message.url);
    const logger = parent.child({ event: message.type, host });
    const head = known?.head ?? this.#head(order, message, owner);
    const sending = { id, order, turn, known, head, message, logger };
    const parties = host === undefined ? [] : partiesOf(owner, new URL(message.url), this.options.hostConcurrency);
    const place = await this.options.shares.take({ id: turn.entry, start: turn.start, parties });
    if (place.kind === 'busy') return told(await this.#putOff(sending, place), logger);
    try {
      return told(await this.#send(sending, place, signal), logger);
    } finally {
      place.release();
    }
  }

  async #putOff(sending: Sending, busy: Busy): Promise<Busy> {
    this.options.metrics.hostDelays.inc();
    if (sending.known?.message === undefined) await this.#note(sending, pending(sending.turn));
    return busy;
  }

  /** An error of ours instead of an attempt: it counts as one, so that it cannot go on for ever. */
  async failInside(order: ParsedDeliveryOrder, turn: Turn, logger: Logger): Promise<Decision> {
    const reason = 'an error inside the service';
    const decision = this.#retryOrFail(turn, reason, { slowDown: false });
    await this.#noteKnown(deliveryId(order.id), this.#after(decision, this.#nothingSent('error', reason)), logger);
    return told(decision, logger);
  }

  async #message(order: ParsedDeliveryOrder, known: LoggedDelivery | undefined, logger: Logger): Promise<Prepared> {
    if (known?.message === undefined) return this.options.prepare(order, logger);
    return { message: known.message, owner: known.head.owner };
  }

  async #send(sending: Sending, place: Place, signal: AbortSignal): Promise<Decision> {
    const { id, order, turn, known, head, message } = sending;
    const [disabled] = await Promise.all([
      order.kind === 'test' ? false : this.options.endpoints.isDisabled(head.endpoint),
      known?.state === 'pending' ? undefined : this.#noteBegin(sending),
    ]);
    if (disabled) {
      const reason = 'the endpoint answered 410 before, and is disabled';
      await this.#note(sending, { state: 'failed', attempt: this.#nothingSent('disabled', reason) });
      return { kind: 'failed', outcome: 'disabled', reason };
    }
    let busy: Busy | undefined;
    const mayConnect: MayConnect = (addresses) => (busy ??= place.join(addressParties(addresses))) === undefined;
    const attempted = await this.options.attempt(id, message, mayConnect, signal);
    if (attempted === undefined) return busy === undefined ? { kind: 'interrupted' } : this.#putOff(sending, busy);
    const { verdict, attempt } = attempted;
    switch (verdict.kind) {
      case 'interrupted':
        return verdict;
      case 'delivered':
        if (order.kind === 'test') await this.options.endpoints.enable(head.endpoint);
        await this.#note(sending, { state: 'delivered', attempt });
        return delivered;
      case 'stop':
        if (verdict.outcome === 'gone') await this.#disable(sending);
        await this.#note(sending, { state: 'failed', attempt });
        return { kind: 'failed', outcome: verdict.outcome, reason: verdict.reason };
      case 'retry': {
        const decision = this.#retryOrFail(turn, verdict.reason, verdict.hint);
        await this.#note(sending, this.#after(decision, attempt));
        return decision;
      }
    }
  }

  async #disable({ head, logger }: Sending): Promise<void> {
    if (!(await this.options.endpoints.disable(head.endpoint))) return;
    this.options.metrics.endpointsDisabled.inc();
    logger.warn('the endpoint answered 410: disabled');
  }

  #retryOrFail({ attemptsMade, mostAttempts }: Turn, reason: string, hint: RetryHint): Decision {
    const made = attemptsMade + 1;
    const delayMs = made < mostAttempts ? delayBeforeNext(this.options.schedule, made, hint) : undefined;
    return delayMs === undefined
      ? { kind: 'failed', outcome: 'exhausted', reason }
      : { kind: 'retry', delayMs, reason };
  }

  #after(decision: Decision, attempt: DeliveryAttempt): Note {
    if (decision.kind !== 'retry') return { state: 'failed', attempt };
    return { state: 'pending', attempt, next: this.options.now().getTime() + decision.delayMs };
  }

  #head(order: ParsedDeliveryOrder, message: DeliveryMessage, owner: string | undefined): DeliveryHead {
    return {
      kind: order.kind,
      source: order.id,
      event: message.type,
      url: withoutQuery(message.url),
      created_at: this.options.now().toISOString(),
      ...(owner === undefined ? {} : { owner }),
      endpoint: endpointFingerprint(owner, message.url),
    };
  }

  #nothingSent(outcome: 'disabled' | 'dropped' | 'error', reason: string): DeliveryAttempt {
    return { at: this.options.now().toISOString(), outcome, duration_ms: 0, reason };
  }

  /** A note that begins the log needs no message: the next one has it, if there is need for one. */
  async #noteBegin({ id, head, turn, logger }: Sending): Promise<void> {
    const note = { ...pending(turn), now: this.options.now().getTime() };
    await this.options.log.note(id, head, note).catch(tell(logger));
  }

  async #note({ id, head, known, message, logger }: Sending, note: Note): Promise<void> {
    // From the first failure on, or the first delay, it is kept with the delivery: what it was made of may not last.
    const kept = note.state === 'delivered' || known?.message !== undefined ? {} : { message };
    const written = this.options.log.note(id, head, { ...note, ...kept, now: this.options.now().getTime() });
    await written.catch(tell(logger));
  }

  /** The same, where the delivery may not be logged. */
  async #noteKnown(id: string, note: Note, logger: Logger): Promise<void> {
    const written = this.options.log.noteKnown(id, { ...note, now: this.options.now().getTime() });
    await written.catch(tell(logger));
  }
}

type Note = Omit<DeliveryNote, 'now'>;

const delivered: Decision = { kind: 'ended', outcome: 'delivered' };

/** A delivery on its way. */
interface Sending {
  readonly id: string;
  readonly order: ParsedDeliveryOrder;
  readonly turn: Turn;
  /** As the log had it. */
  readonly known: LoggedDelivery | undefined;
  readonly head: DeliveryHead;
  readonly message: DeliveryMessage;
  readonly logger: Logger;
}

function told(decision: Decision, logger: Logger): Decision {
  switch (decision.kind) {
    case 'ended':
      logger.info({ outcome: decision.outcome }, 'delivery ended');
      break;
    case 'failed':
      logger.error({ outcome: decision.outcome, reason: decision.reason }, 'delivery ended');
      break;
    case 'retry':
      logger.warn({ reason: decision.reason, retry_in_seconds: decision.delayMs / 1000 }, 'delivery attempt failed');
      break;
    case 'busy':
      logger.debug(
        { delay_seconds: decision.delayMs / 1000 },
        'delivery put off: its host or its client has its share',
      );
      break;
    case 'wait':
      break;
    case 'interrupted':
      logger.warn('delivery interrupted: handed back');
  }
  return decision;
}

function tell(logger: Logger): (error: unknown) => void {
  return (error) => {
    logger.warn({ error }, 'the delivery log could not be written');
  };
}

function pending({ entry }: Turn): Note {
  return { state: 'pending', entry };
}

/** All of an address that may be logged: path and query often hold a receiver's token. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
