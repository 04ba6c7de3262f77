/**
 * Server-Sent Events over fetch, since an EventSource cannot send a key.
 *
 * connecting → open → (the stream ends or breaks) → waiting → connecting, with `Last-Event-ID`, until `onEvent` answers
 * 'stop', the service answers 204 (there is nothing more), refuses for good, or `signal` is aborted. The wait doubles from
 * what the stream asks for (1 s at first) up to 30 s, and is spread by a third so that a restart is not met by all pages at once.
 */
import { isRetryable, ApiError } from './problem.js';
import { reportAnswer } from './connection.js';
import { send } from './request.js';
import { EventParser, type ServerEvent } from './sse-parser.js';
import { pause } from './pause.js';

export interface EventStreamOptions {
  readonly signal: AbortSignal;
  /** 'stop' ends the stream. */
  readonly onEvent: (event: ServerEvent) => 'stop' | undefined;
  /** Told how many seconds it will take until the next attempt; 0 when the stream stands again. */
  readonly onRetry?: (seconds: number, error: unknown) => void;
}

const mostMs = 30_000;

/** Resolves when there is nothing more to tell. Throws what the service refuses it with, or what `signal` was aborted with. */
export async function readEvents(path: string, { signal, onEvent, onRetry }: EventStreamOptions): Promise<void> {
  const parser = { lastId: '', retryMs: 1000 };
  let failures = 0;
  for (;;) {
    let failure: unknown;
    try {
      const headers = parser.lastId === '' ? {} : { 'Last-Event-ID': parser.lastId };
      const response = await send(path, { headers: { Accept: 'text/event-stream', ...headers }, signal });
      if (response.status === 204 || response.body === null) return;
      if (failures > 0) onRetry?.(0, undefined);
      failures = 0;
      if ((await readBody(response.body, parser, onEvent)) === 'stop') return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && !isRetryable(error)) throw error;
      failure = error;
    }
    const asked = failure instanceof ApiError ? failure.retryAfter : undefined;
    const ms = Math.min(mostMs, (asked ?? 0) * 1000 || parser.retryMs * 2 ** failures++) * (1 + Math.random() / 3);
    if (failure !== undefined) onRetry?.(ms / 1000, failure);
    await pause(ms, signal);
  }
}

async function readBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  state: { lastId: string; retryMs: number },
  onEvent: EventStreamOptions['onEvent'],
): Promise<'stop' | undefined> {
  const parser = new EventParser(state.lastId);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return undefined;
      // A heartbeat, too: the stream may have nothing else to tell for long.
      reportAnswer();
      for (const event of parser.push(value)) {
        if (onEvent(event) === 'stop') return 'stop';
      }
    }
  } finally {
    state.lastId = parser.lastId;
    state.retryMs = parser.retryMs ?? state.retryMs;
    // It may have broken: then there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}
