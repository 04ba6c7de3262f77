/** A client of an event stream (Server-Sent Events), which sees what an EventSource does and can be held to account. */
import { once } from 'node:events';
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { jobSchema, type Job } from '@quintet/shared';
import { eventually } from './service-process.js';

export interface SeenEvent {
  readonly id: string;
  readonly job: Job;
}

export interface EventClient {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly events: readonly SeenEvent[];
  readonly ids: readonly string[];
  /** Resolves once the server has ended the stream; rejects where it was cut. */
  readonly ended: Promise<void>;
  /** Waits until the last event has this status; its job. */
  until(status: Job['status'], timeout?: number): Promise<Job>;
  /** Leaves. */
  close(): void;
}

/** Opens `url`; resolves when the headers have come. */
export async function openEvents(url: string, lastEventId?: string): Promise<EventClient> {
  const request = get(url, {
    agent: false,
    headers: {
      accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const events: SeenEvent[] = [];
  let rest = '';
  response.setEncoding('utf8').on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = readBlock(block);
      if (event !== undefined) events.push(event);
    }
  });
  const ended = new Promise<void>((resolve, reject) => {
    response.on('end', resolve).on('error', reject);
  });
  ended.catch(() => undefined);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    get ids() {
      return events.map(({ id }) => id);
    },
    ended,
    until: (status, timeout) =>
      eventually(() => {
        const last = events.at(-1)?.job;
        if (last?.status !== status) throw new Error(`not ${status}, but ${events.map(({ id }) => id).join(', ')}`);
        return last;
      }, timeout),
    close: () => {
      request.destroy();
    },
  };
}

/** An event, unless the block is a comment or sets the time to reconnect. */
function readBlock(block: string): SeenEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
  );
  const data = fields.get('data');
  if (data === undefined) return undefined;
  if (fields.get('event') !== 'status') throw new Error(`an event without its name: ${block}`);
  return { id: fields.get('id') ?? '', job: jobSchema.parse(JSON.parse(data)) };
}
